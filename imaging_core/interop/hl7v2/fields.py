"""Values as Chinese hospital systems write them, and what they mean. Unreadable ones give None."""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone, tzinfo

from imaging_core.interop.hl7v2.message import Segment
from imaging_core.patients.identity import id_number_fault, normalise_id_number, normalise_phone
from imaging_core.patients.registration import EncounterClass

CHINA = timezone(timedelta(hours=8), "CST")
"""Times come without a zone; China has one and, since 1991, no summer time."""

_TIME = re.compile(
    r"(?P<year>\d{4})[-/年]?(?P<month>\d{2})[-/月]?(?P<day>\d{2})日?"
    r"(?:[T ]?(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:\.\d{1,6})?)?)?"
    r"(?P<zone>[+-]\d{2}:?\d{2}|Z)?"
)
_CHINESE_NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")

_SEXES = {
    **dict.fromkeys(("M", "男", "男性", "1", "MALE"), "M"),
    **dict.fromkeys(("F", "女", "女性", "2", "FEMALE"), "F"),
    # GB/T 2261.1: 0 unknown, 9 not stated
    **dict.fromkeys(("O", "A", "N", "U", "未知", "未知的性别", "其他", "0", "9", "UNKNOWN", "OTHER"), "O"),
}
_ENCOUNTERS = {
    **dict.fromkeys(("O", "1", "门诊", "门", "R"), EncounterClass.OUTPATIENT),
    **dict.fromkeys(("E", "2", "急诊", "急"), EncounterClass.EMERGENCY),
    **dict.fromkeys(("I", "3", "住院", "住"), EncounterClass.INPATIENT),
    **dict.fromkeys(("H", "T", "4", "体检", "体"), EncounterClass.CHECKUP),
}
_ID_NUMBER_TYPES = {"NI", "NNCHN", "NN", "SFZ", "SFZH", "ID", "IDCARD", "身份证", "身份证号", "居民身份证", "01"}


def time_of(text: str, zone: tzinfo = CHINA) -> datetime | None:
    """Return a time as HL7 writes it, or as Chinese systems do; local to `zone` where no zone is given.

    >>> time_of("2025-03-10 09:30:00").isoformat()
    '2025-03-10T09:30:00+08:00'
    """
    written = unicodedata.normalize("NFKC", text).strip()
    match = _TIME.fullmatch(re.sub(r"(?<=[-/年月])(\d)(?=[-/月日 T]|$)", r"0\1", written))
    if match is None:
        return None
    year, month, day, hour, minute, second = (
        int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match["zone"]) or zone)
    except ValueError:
        return None
    return local if 1850 <= local.year <= 9990 else None


def date_of(text: str) -> date | None:
    """Return the day of a date or time.

    >>> date_of("19800101"), date_of("1980-01-01"), date_of("19801301")
    (datetime.date(1980, 1, 1), datetime.date(1980, 1, 1), None)
    """
    at = time_of(text)
    return None if at is None else at.date()


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return timezone(timedelta())
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def sex_of(text: str) -> str | None:
    """Return M, F or O.

    >>> sex_of("女"), sex_of("M"), sex_of("?")
    ('F', 'M', None)
    """
    return _SEXES.get(text.upper())


def encounter_of(text: str) -> EncounterClass | None:
    """Return the kind of visit from PV1-2."""
    return _ENCOUNTERS.get(text.upper().removesuffix("病人").removesuffix("患者"))


def person_name(segment: Segment, field: int) -> str:
    """Return a name: `张三^ZhangSan` → 张三, `测试^患者` → 测试患者, `Zhang^San` → Zhang San."""
    names = [_joined([component[0] for component in components]) for components in segment.repetitions(field)]
    chinese = [name for name in names if _CHINESE_NAME.search(name)]
    return next(iter(chinese or [name for name in names if name]), "")


def physician_name(segment: Segment, field: int) -> str:
    """Return a physician's name from `D002^李四`, `李四` or `D002&李四`; the code where there is nothing else."""
    parts = [part for component in segment.repetitions(field)[0] for part in component if part]
    chinese = [part for part in parts if _CHINESE_NAME.search(part)]
    if chinese:
        return "".join(chinese[:2])
    return " ".join([part for part in parts if not re.search(r"\d", part)][:2]) or next(iter(parts), "")


def _joined(components: list[str]) -> str:
    family_and_given = [part for part in components[:2] if part]
    chinese = [part for part in family_and_given if _CHINESE_NAME.search(part)]
    return "".join(chinese) if chinese else " ".join(family_and_given)


def phone_of(segment: Segment, field: int) -> str | None:
    """Return the first mobile number of a field, else the first other one with at least 7 digits."""
    numbers = [
        normalise_phone(component[0])
        for components in segment.repetitions(field)
        for component in components
        if re.fullmatch(r"[\d\s()+\-]{7,24}", unicodedata.normalize("NFKC", component[0]))
    ]
    mobile = [number for number in numbers if re.fullmatch(r"1[3-9]\d{9}", number)]
    return next(iter(mobile or [number for number in numbers if 7 <= len(number) <= 15]), None)


def id_number_of(pid: Segment) -> str | None:
    """Return the resident ID number: PID-3 marked as one, else PID-19, else a valid one in any other field."""
    for components in pid.repetitions(3):
        if _is_id_number(components):
            return normalise_id_number(components[0][0])
    stated = normalise_id_number(pid.value(19))
    if re.fullmatch(r"[0-9A-Z]{6,20}", stated):
        return stated
    elsewhere = (normalise_id_number(pid.value(field)) for field in (2, 4, *range(20, pid.field_count + 1)))
    return next((number for number in elsewhere if len(number) == 18 and id_number_fault(number) is None), None)


def patient_id_of(pid: Segment) -> str:
    """Return the hospital's own number: PID-3 without the ID number, else PID-2; empty if there is none."""
    repetitions = pid.repetitions(3)
    own = [components[0][0] for components in repetitions if components[0][0] and not _is_id_number(components)]
    # Some hospitals number their patients by ID number, which is then all there is.
    return next(iter(own), "") or pid.value(2) or pid.value(3)


def _is_id_number(components: list[list[str]]) -> bool:
    # CX: 1 number, 4 assigning authority, 5 type code.
    value, kind = components[0][0], components[4][0] if len(components) > 4 else ""
    number = normalise_id_number(value)
    return bool(number) and (
        kind.upper() in _ID_NUMBER_TYPES or (len(number) == 18 and id_number_fault(number) is None)
    )
