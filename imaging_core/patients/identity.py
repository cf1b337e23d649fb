"""Phone and resident ID numbers in one written form; names as they are shown."""

import re
import unicodedata
from datetime import date
from enum import StrEnum

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK_CHARACTERS = "10X98765432"


def normalise_phone(text: str) -> str:
    """Return the digits of a phone number without the country code 86.

    >>> normalise_phone("+86 138-0000-0001")
    '13800000001'
    """
    digits = "".join(re.findall(r"[0-9]", unicodedata.normalize("NFKC", text)))
    if len(digits) == 15 and digits.startswith("00861"):
        return digits[4:]
    if len(digits) == 13 and digits.startswith("861"):
        return digits[2:]
    return digits


def normalise_id_number(text: str) -> str:
    """Return the digits and letters of an ID number, in upper case. 15-digit numbers stay as they are.

    >>> normalise_id_number(" 11010119800101100x ")
    '11010119800101100X'
    """
    return re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", text).upper())


class IdNumberFault(StrEnum):
    """Why a resident ID number cannot be right; feedback while typing, never a reason to refuse a record."""

    LENGTH = "length"
    CHARACTERS = "characters"
    BIRTH_DATE = "birth_date"
    CHECK_CHARACTER = "check_character"


def id_number_fault(text: str) -> IdNumberFault | None:
    """Return what is wrong with a resident ID number (GB 11643; 15-digit ones of 1989), None if nothing.

    >>> id_number_fault("110101198001010010") is None
    True
    """
    number = normalise_id_number(text)
    if len(number) not in {15, 18}:
        return IdNumberFault.LENGTH
    if not re.fullmatch(r"[0-9]{15}|[0-9]{17}[0-9X]", number):
        return IdNumberFault.CHARACTERS
    birth = number[6:14] if len(number) == 18 else "19" + number[6:12]
    try:
        date(int(birth[:4]), int(birth[4:6]), int(birth[6:]))
    except ValueError:
        return IdNumberFault.BIRTH_DATE
    if len(number) == 18 and number[17] != _check_character(number[:17]):
        return IdNumberFault.CHECK_CHARACTER
    return None


def _check_character(first_17: str) -> str:
    return _ID_CHECK_CHARACTERS[sum(int(d) * w for d, w in zip(first_17, _ID_WEIGHTS, strict=True)) % 11]


def same_id_numbers(text: str) -> tuple[str, ...]:
    """Return the normalised number and, where there is one, its 15- or 18-digit twin.

    A record from before 2013 may hold the old number while the patient types the new one.
    Always two items, so that comparing takes the same steps for every number.
    """
    number = normalise_id_number(text)
    if re.fullmatch(r"[0-9]{17}[0-9X]", number) and number[6:8] == "19":
        return number, number[:6] + number[8:17]
    if re.fullmatch(r"[0-9]{15}", number):
        first_17 = number[:6] + "19" + number[6:]
        return number, first_17 + _check_character(first_17)
    return number, number


def written_name(name: str) -> str:
    """Return a name as it is shown; the groups of a DICOM person name stand side by side.

    >>> written_name("Zhang^San ")
    'Zhang San'
    """
    return " ".join(name.replace("^", " ").split())
