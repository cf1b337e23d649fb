"""Identifiers: UIDs, patient and accession numbers, resident ID numbers written where a patient number belongs."""

import re
import unicodedata
from typing import Final

from imaging_core.normalise.values import Finding, FindingCode, Judged, Severity, Value
from imaging_core.patients.identity import IdNumberFault, id_number_fault

# PS3.5 9.1: components without leading zeros, at most 64 characters
_UID: Final = re.compile(r"(?=.{1,64}\Z)[0-2](\.(0|[1-9][0-9]*))+")
_PLACEHOLDERS: Final = frozenset(
    {"UNKNOWN", "NONE", "NULL", "N/A", "NA", "NO", "TEST", "ANONYMOUS", "ANONYMIZED", "NOID"}
)
_ONE_CHARACTER: Final = re.compile(r"(.)\1*")
_ID_NUMBER: Final = re.compile(r"[1-9]\d{5}(19|20)\d{9}[0-9X]")


def read_uid(field: str, raw: str) -> Judged:
    """Return a UID; one whose form is not that of the standard is kept as the opaque key it is."""
    text = raw.strip("\0 ")
    value = Value(field, text, text, "identifier.uid" if _UID.fullmatch(text) else "identifier.opaque")
    if not text or value.rule == "identifier.uid":
        return Judged(value)
    return Judged(value, (Finding(FindingCode.UID_FORM, Severity.INFO, field, text),))


def read_identifier(field: str, raw: str) -> Judged:
    """Return a number of a hospital in plain characters: no full-width digits, no blanks.

    >>> read_identifier("patient_id", "００12 34").value.value
    '001234'
    """
    text = raw.strip("\0 ")
    plain = _plain(text)
    findings = []
    if plain != text:
        findings.append(Finding(FindingCode.IDENTIFIER_CLEANED, Severity.INFO, field, text, plain))
    rule = "identifier.cleaned" if plain != text else "identifier.as_is"
    if plain and (plain.upper() in _PLACEHOLDERS or (_ONE_CHARACTER.fullmatch(plain) and not plain.isalpha())):
        findings.append(Finding(FindingCode.IDENTIFIER_PLACEHOLDER, Severity.WARNING, field, text))
        return Judged(Value(field, text, "", "identifier.placeholder"), tuple(findings))
    if _ID_NUMBER.fullmatch(plain.upper()):
        rule, fault = "identifier.id_number", id_number_fault(plain)
        # a hospital's own number of 18 digits may look alike, but hardly has a date of birth within
        if fault is IdNumberFault.CHECK_CHARACTER:
            findings.append(Finding(FindingCode.ID_NUMBER_CHECKSUM, Severity.WARNING, field, text))
        plain = plain.upper()
    return Judged(Value(field, text, plain, rule), tuple(findings))


def _plain(text: str) -> str:
    # again until nothing changes: what a blank kept apart may join
    plain = "".join(character for character in unicodedata.normalize("NFKC", text) if _belongs(character))
    return plain if plain == text else _plain(plain)


def _belongs(character: str) -> bool:
    return not character.isspace() and character.isprintable()
