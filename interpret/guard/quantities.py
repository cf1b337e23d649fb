"""Numbers a sentence claims, in comparable form: measures, levels, grades, intervals, counts."""

import re
from dataclasses import dataclass
from functools import lru_cache

from interpret.language import pattern_of
from interpret.report.levels import levels
from interpret.report.measure import comparable, located

_HAN = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_ROMAN = {"Ⅰ": "1", "Ⅱ": "2", "Ⅲ": "3", "Ⅳ": "4", "Ⅴ": "5", "Ⅵ": "6"}
_COUNT_NUMBER = r"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十]{1,3}|半)"
_UNIT_MONTHS = {
    "天": 1 / 30,
    "日": 1 / 30,
    "周": 7 / 30,
    "星期": 7 / 30,
    "个星期": 7 / 30,
    "个月": 1.0,
    "月": 1.0,
    "年": 12.0,
}
_INTERVAL = re.compile(
    rf"(?P<first>{_COUNT_NUMBER})\s*(?P<first_unit>个月|个?星期|周|年|天|个?半月)?\s*(?:(?:[-~至到]|、|或)\s*(?P<last>{_COUNT_NUMBER}))?\s*(?P<unit>个月|个?星期|周|年半|年|天)(?!前|龄|级|代|轻|纪|月|份)"
)
_HALF = re.compile(r"半年|半个月|半月|一年半|[两二]年半|每年|每半年|每月|每周|明年|年度")
_HALF_MONTHS = {
    "半年": 6.0, "半个月": 0.5, "半月": 0.5, "一年半": 18.0, "两年半": 30.0, "二年半": 30.0,
    "每年": 12.0, "每半年": 6.0, "每月": 1.0, "每周": 7 / 30, "明年": 12.0, "年度": 12.0,
}  # fmt: skip
_PLAIN_NUMBER = re.compile(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Quantities:
    """Everything countable in a text."""

    measures: frozenset[tuple[float, str]]
    levels: frozenset[str]
    grades: frozenset[tuple[str, str]]
    """(system or "", grade) such as ("BI-RADS", "4A")."""
    months: frozenset[float]
    counts: frozenset[int]
    numbers: frozenset[str]
    """Numbers that are none of the above."""
    fractions: frozenset[str]


@lru_cache(maxsize=512)
def quantities(text: str) -> Quantities:
    """Read the quantities of a prepared text.

    >>> q = quantities("四类结节，约0.8cm，半年后复查")
    >>> sorted(q.grades), sorted(q.measures), sorted(q.months)
    ([('', '4')], [(8.0, 'mm')], [6.0])
    """
    rest = text
    measured = located(text)
    for (start, end), _ in measured:
        rest = rest[:start] + "·" * (end - start) + rest[end:]
    found_levels = levels(rest)
    months, rest = _months(rest)
    grades, rest = _grades(rest)
    counts = frozenset(_number(m.group("number")) for m in pattern_of("guard_quantities", "count").finditer(rest))
    rest = pattern_of("guard_quantities", "count").sub("·", rest)
    level_digits = {d for level in found_levels for d in re.findall(r"\d+", level)}
    numbers = frozenset(_trim(n) for n in _PLAIN_NUMBER.findall(_without_names(rest))) - level_digits
    return Quantities(
        measures=frozenset(comparable(m) for _, m in measured),
        levels=frozenset(found_levels),
        grades=grades,
        months=months,
        counts=frozenset(int(c) for c in counts if c == int(c)),
        numbers=numbers,
        fractions=frozenset(pattern_of("guard_quantities", "fraction").findall(text)),
    )


def _without_names(text: str) -> str:
    """Drop digits that belong to names (T2WI, 18F, 3D, CA19-9) and emergency numbers."""
    return re.sub(r"[A-Za-z]+-?\d+(?:-\d+)?[A-Za-z]*|\d+[A-Za-z]+|120|110|12356|\[\d+\]", "·", text)


def _trim(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _number(text: str) -> float:
    if text == "半":
        return 0.5
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if "十" in text:
        left, _, right = text.partition("十")
        return (_HAN.get(left, 1) if left else 1) * 10 + (_HAN.get(right, 0) if right else 0)
    return float(_HAN.get(text[:1], 0))


def _months(text: str) -> tuple[frozenset[float], str]:
    out: set[float] = set()
    for match in _HALF.finditer(text):
        out.add(_HALF_MONTHS[match.group()])
    text = _HALF.sub(lambda m: "·" * len(m.group()), text)
    for match in _INTERVAL.finditer(text):
        unit = match.group("unit")
        factor = 12.0 if unit.startswith("年") else _UNIT_MONTHS[unit]
        extra = 6.0 if unit == "年半" else 0.0
        first_unit = match.group("first_unit")
        if match.group("last"):
            first_factor = (
                (12.0 if first_unit == "年" else _UNIT_MONTHS.get(first_unit, factor)) if first_unit else factor
            )
            out.add(round(_number(match.group("first")) * first_factor, 2))
            out.add(round(_number(match.group("last")) * factor, 2))
        elif first_unit is None:
            out.add(round(_number(match.group("first")) * factor + extra, 2))
    return frozenset(out), _INTERVAL.sub(lambda m: "·" * len(m.group()), text)


def _grades(text: str) -> tuple[frozenset[tuple[str, str]], str]:
    out: set[tuple[str, str]] = set()
    spans: list[tuple[int, int]] = []
    for match in pattern_of("guard_quantities", "grade").finditer(text):
        system, unit = match.group("system"), match.group("unit")
        if not system and unit not in {"类", "级"}:
            continue
        if not system and re.match(r"亲属|医院|护理|预防|以上|食物|药|人|检查|问题", text[match.end() :]):
            continue
        out.add((_system(system or ""), _grade(match.group("grade"))))
        spans.append(match.span())
    for start, end in spans:
        text = text[:start] + "·" * (end - start) + text[end:]
    return frozenset(out), text


def _system(name: str) -> str:
    plain = re.sub(r"[-\s]", "", name.upper()).removeprefix("ACR")
    return "TIRADS" if plain in {"CTIRADS", "TR"} else "LIRADS" if plain == "LR" else plain


def _grade(raw: str) -> str:
    first = _ROMAN.get(raw[0], str(_HAN.get(raw[0], raw[0])))
    return f"{first}{raw[1:].upper()}"


def grade_is_grounded(grade: tuple[str, str], known: frozenset[tuple[str, str]]) -> bool:
    """Tell whether a grade is among the known ones; a grade told without its system counts for any system."""
    system, value = grade
    return any(value == other and (not system or not named or system == named) for named, other in known)
