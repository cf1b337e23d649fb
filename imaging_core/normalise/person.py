"""Sex and age of a patient."""

import re
import unicodedata
from datetime import date
from typing import Final

from imaging_core.normalise.values import Finding, FindingCode, Judged, Severity, Value

_SEXES: Final = {
    **dict.fromkeys(("M", "MALE", "男", "男性", "1", "MAN"), "M"),
    **dict.fromkeys(("F", "FEMALE", "女", "女性", "2", "WOMAN"), "F"),
    **dict.fromkeys(("O", "OTHER", "其他", "未知", "U", "UNKNOWN", "0", "9", "未说明"), "O"),
}
_AGE: Final = re.compile(r"(\d{1,3})([DWMY]?)")
_UNITS: Final = {"天": "D", "日": "D", "周": "W", "个月": "M", "月": "M", "岁": "Y", "周岁": "Y"}
_WRITTEN_AGE: Final = re.compile(r"(\d{1,3})(天|日|周岁|周|个月|月|岁)")
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.44, "Y": 365.25}
_TOLERANCE_DAYS: Final = 400
"""A year of life counted either way, and some weeks until a booked examination."""


def read_sex(raw: str) -> Judged:
    """Return M, F or O. PS3.3 C.7.1.1 knows no others.

    >>> read_sex("男").value.value
    'M'
    """
    text = raw.strip("\0 ")
    if text in {"M", "F", "O", ""}:
        return Judged(Value("patient_sex", text, text, "sex.code" if text else "sex.empty"))
    value = _SEXES.get(unicodedata.normalize("NFKC", text).strip().upper())
    if value is not None:
        return Judged(Value("patient_sex", text, value, "sex.word"))
    finding = Finding(FindingCode.SEX_UNKNOWN, Severity.WARNING, "patient_sex", text)
    return Judged(Value("patient_sex", text, "", "sex.unknown"), (finding,))


def read_age(raw: str, *, study: date | None, birth: date | None) -> Judged:
    """Return an age as DICOM writes it, held against the dates.

    >>> read_age("22岁", study=None, birth=None).value.value
    '022Y'
    """
    text = raw.strip("\0 ")
    if not text:
        return Judged(Value("patient_age", text, "", "age.empty"))
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").upper()
    written, match = _WRITTEN_AGE.fullmatch(plain), _AGE.fullmatch(plain)
    if written:
        number, unit = int(written[1]), _UNITS[written[2]]
    elif match:
        number, unit = int(match[1]), match[2] or "Y"
    else:
        finding = Finding(FindingCode.AGE_FORM, Severity.INFO, "patient_age", text)
        return Judged(Value("patient_age", text, "", "age.unknown"), (finding,))
    value = f"{number:03}{unit}"
    findings = []
    if value != text:
        findings.append(Finding(FindingCode.AGE_FORM, Severity.INFO, "patient_age", text, value))
    # 000 is what devices write that know no age
    if number and study and birth and abs((study - birth).days - number * _DAYS[unit]) > _TOLERANCE_DAYS:
        findings.append(Finding(FindingCode.AGE_CONTRADICTS, Severity.WARNING, "patient_age", text))
    return Judged(Value("patient_age", text, value, "age.as" if value == text else "age.written"), tuple(findings))
