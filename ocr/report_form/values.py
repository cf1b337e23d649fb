"""What a field may contain: dates, ages and numbers brought to one way of writing."""

import re
from dataclasses import replace

from ocr.types import Field

_DIGIT_LOOKALIKES = str.maketrans({"O": "0", "o": "0", "〇": "0", "l": "1", "I": "1", "|": "1", "：": ":"})
_DATE = re.compile(r"(\d{4})\s*[-—–/.年]\s*(\d{1,2})\s*[-—–/.月]\s*(\d{1,2})\s*日?")
_TIME = re.compile(r"(\d{1,2})\s*[:时]\s*(\d{2})(?:\s*[:分]\s*(\d{2}))?")
_NUMBER = re.compile(r"^[A-Za-z]{0,5}[-_]?[0-9OolI|]+(?:[-_][0-9OolI|]+)*$")
_SPACE_IN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")


def normalised(field: Field) -> Field:
    """Return the field with its value written the usual way. What does not fit its kind stays as it was read."""
    value = field.value.strip().strip("：:；;，,|")
    if field.key in ("exam_date", "report_date"):
        value = _date(value) or value
    elif field.key == "sex":
        value = next((sex for sex in ("男", "女") if sex in value), value)
    elif field.key == "age":
        value = re.sub(r"\s", "", value)
    elif field.key == "exam_no":
        value = _exam_number(value)
    elif field.key in ("name", "department", "reporting_physician", "verifying_physician"):
        value = _SPACE_IN_CHINESE.sub("", value)
    return replace(field, value=value)


def _date(value: str) -> str | None:
    value = value.translate(_DIGIT_LOOKALIKES)
    match = _DATE.search(value)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    date = f"{year:04d}-{month:02d}-{day:02d}"
    time = _TIME.search(value[match.end() :])
    if time is not None and time.start() == 0 and len(time[1]) == 1:
        return date  # 2024-05-060:20 lost a digit of its hour
    if time is None or int(time[1]) > 23 or int(time[2]) > 59:
        return date
    seconds = f":{time[3]}" if time[3] else ""
    return f"{date} {int(time[1]):02d}:{time[2]}{seconds}"


def _exam_number(value: str) -> str:
    """Letters stand in front, digits behind: an O among digits is a zero.

    >>> _exam_number("MRO0234571"), _exam_number("CT2026O311")
    ('MR00234571', 'CT20260311')
    """
    value = re.sub(r"\s", "", value)
    if not _NUMBER.match(value):
        return value
    match = re.match(r"[A-Za-z]*?(?=[0OoIl|]*\d)", value)
    head = match[0] if match else ""
    return head + value[len(head) :].translate(_DIGIT_LOOKALIKES)
