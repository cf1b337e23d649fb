"""Dates and times in the forms of DICOM and of what came before it."""

import re
from datetime import date, timedelta
from typing import Final

from imaging_core.normalise.values import Finding, FindingCode, Judged, Severity, Value

_OLD_DATE: Final = re.compile(r"(\d{4})[./\-年](\d{1,2})[./\-月](\d{1,2})日?")
_DATE: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DATE_TIME: Final = re.compile(r"(\d{4})(\d{2})(\d{2})\d{2,6}(?:\.\d{1,6})?(?:[+-]\d{4})?")
_TIME: Final = re.compile(r"(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?")
_OLD_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")
# what devices fill in where a date is asked for and none is known
_PLACEHOLDERS: Final = frozenset({date(1800, 1, 1), date(1900, 1, 1), date(1111, 11, 11)})
_EARLIEST: Final = date(1880, 1, 1)


def read_date(field: str, raw: str) -> tuple[date | None, Judged]:
    """Return a date and how it was read.

    >>> day, judged = read_date("study_date", "2020.01.31")
    >>> judged.value.value, judged.value.rule
    ('20200131', 'date.acr_nema')
    """
    text = raw.strip("\0 ")
    if not text:
        return None, Judged(Value(field, raw, "", "date.empty"))
    forms = ((_DATE, "date.da"), (_OLD_DATE, "date.acr_nema"), (_DATE_TIME, "date.date_time"))
    for form, rule in forms:
        match = form.fullmatch(text)
        day = _day(match) if match else None
        if day is None:
            continue
        old = () if rule == "date.da" else (_mended(FindingCode.DATE_OLD_FORM, field, text, f"{day:%Y%m%d}"),)
        return day, Judged(Value(field, text, f"{day:%Y%m%d}", rule), (*old, *_placeholder(field, text, day)))
    finding = Finding(FindingCode.DATE_IMPOSSIBLE, Severity.WARNING, field, text)
    return None, Judged(Value(field, text, "", "date.impossible"), (finding,))


def read_time(field: str, raw: str) -> Judged:
    """Return how a time was read.

    >>> read_time("study_time", "10:19:38.29").value.value
    '101938.29'
    """
    text = raw.strip("\0 ")
    if not text:
        return Judged(Value(field, raw, "", "time.empty"))
    for form, rule in ((_TIME, "time.tm"), (_OLD_TIME, "time.acr_nema")):
        match = form.fullmatch(text)
        if match is None:
            continue
        hour, minute, second, fraction = match.groups()
        # PS3.5 6.2: 60 is a leap second
        if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
            break
        value = f"{hour:0>2}{minute or ''}{second or ''}" + (f".{fraction}" if fraction else "")
        old = () if rule == "time.tm" else (_mended(FindingCode.TIME_OLD_FORM, field, text, value),)
        return Judged(Value(field, text, value, rule), old)
    finding = Finding(FindingCode.TIME_IMPOSSIBLE, Severity.WARNING, field, text)
    return Judged(Value(field, text, "", "time.impossible"), (finding,))


def check_order(*, study: date | None, birth: date | None, received: date) -> list[Finding]:
    """Return what is wrong between dates: a study after it was received, or before its patient was born."""
    if study is None:
        return []
    findings = []
    if study > received + timedelta(days=1):  # a device of another time zone may be a day ahead
        findings.append(Finding(FindingCode.DATE_IN_FUTURE, Severity.WARNING, "study_date", f"{study:%Y%m%d}"))
    if birth is not None and birth not in _PLACEHOLDERS and study < birth:
        findings.append(Finding(FindingCode.DATE_BEFORE_BIRTH, Severity.ERROR, "study_date", f"{study:%Y%m%d}"))
    return findings


def _placeholder(field: str, text: str, day: date) -> tuple[Finding, ...]:
    if day >= _EARLIEST and day not in _PLACEHOLDERS:
        return ()
    return (Finding(FindingCode.DATE_PLACEHOLDER, Severity.INFO, field, text),)


def _day(match: re.Match[str]) -> date | None:
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def _mended(code: FindingCode, field: str, raw: str, value: str) -> Finding:
    return Finding(code, Severity.INFO, field, raw, value)
