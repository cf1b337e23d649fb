"""Nothing that names a person leaves for a model, a log or an export."""

import re

from interpret.language import pattern_of

_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def deidentify(text: str) -> str:
    """Replace names after labels, ID-card, phone and examination numbers, dates of birth, addresses.

    Findings, sizes, sides and dates of examinations stay.

    >>> deidentify("姓名：王建国 检查号：CT20260311024 电话13800138000")
    '姓名：[姓名] 检查号：[编号] 电话[电话]'
    """
    text = pattern_of("guard_deidentify", "id_card").sub("[证件号]", text)
    text = _PHONE.sub("[电话]", text)
    text = _EMAIL.sub("[邮箱]", text)
    text = pattern_of("guard_deidentify", "birth").sub(lambda m: f"{m.group('label')}[出生日期]", text)
    text = pattern_of("guard_deidentify", "numbered").sub(lambda m: f"{m.group('label')}[编号]", text)
    text = pattern_of("guard_deidentify", "address").sub(lambda m: f"{m.group('label')}[地址]", text)
    text = pattern_of("guard_deidentify", "name").sub(lambda m: f"{m.group('label')}[姓名]", text)
    return pattern_of("guard_deidentify", "person_words").sub(lambda m: f"{m.group('label')}[姓名]", text)
