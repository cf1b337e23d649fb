"""What a clause says of its structure: abnormal, normal, not judged, or nothing of the kind."""

import re
from dataclasses import dataclass
from functools import cache

from interpret.language import cues, pattern_of
from interpret.report.scopes import alternation, blank_out, negated_spans
from interpret.types import Status


@dataclass(frozen=True, slots=True)
class _Patterns:
    normal: re.Pattern[str]
    abnormal: re.Pattern[str]
    limited: re.Pattern[str]
    uncertain: re.Pattern[str]
    gone: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    return _Patterns(
        normal=re.compile(f"(?<![欠不])(?:{alternation(cues('normal'))})"),
        abnormal=re.compile(alternation(cues("abnormal"))),
        limited=re.compile(alternation(cues("limited"))),
        uncertain=re.compile(alternation(cues("uncertain"))),
        gone=re.compile(alternation(cues("gone"))),
    )


# 欠清, 稍模糊, 不规整: a deviation word before a quality; 未见 is no deviation and 不大, 不厚 are normal.
_OLD_SAME = re.compile(r"(?:大致)?(?:同前|相仿|如前)|(?:无|未见)(?:明显|显著|明确)?变化|变化不(?:大|明显)")


def status_of(text: str, *, composed_abnormal: bool = False) -> Status | None:
    """Return the status of a prepared clause, or None when it says nothing of normal or abnormal.

    Denied scopes are blanked, normal phrases taken out (unless after 欠 or 不), and what remains is searched
    for abnormal words; `composed_abnormal` says that the term grammar found an undenied sign in it.

    >>> status_of("双肺野清晰").value, status_of("边界欠清").value, status_of("未见明显异常").value
    ('normal', 'abnormal', 'normal')
    """
    patterns = _patterns()
    spans = negated_spans(text)
    rest = blank_out(text, spans)
    if patterns.gone.search(text) and not patterns.abnormal.search(_after_gone(rest)):
        return Status.NORMAL
    limited = bool(patterns.limited.search(rest))
    rest = patterns.limited.sub("·", rest)
    rest = pattern_of("report_status", "harmless").sub(lambda m: "·" * len(m.group()), rest)
    same = _OLD_SAME.search(rest)
    rest = _OLD_SAME.sub("·", rest)
    rest = re.sub(r"(?<=[\u4e00-\u9fff])(?:不大|不厚|不宽|不高|不粗|不深|不长|不窄)", "○", rest)
    normal = bool(patterns.normal.search(rest)) or "○" in rest or "生理性" in text
    if (
        pattern_of("report_status", "deviation").search(rest)
        or composed_abnormal
        or patterns.abnormal.search(patterns.normal.sub("·", rest))
    ):
        return Status.ABNORMAL
    if limited:
        return Status.UNCERTAIN
    if normal or spans:
        return Status.NORMAL
    if same:
        return Status.UNCERTAIN
    return _by_value(text) or (Status.ABNORMAL if _SEES_SOMETHING.search(rest) else None)


# a positive observation of something no list knows is told as abnormal rather than left out
_SEES_SOMETHING = re.compile(
    r"(?<!未)(?:可见|内见|见|探及|发现)(?!一?(?:胎儿|胎心|胎头|胎芽|原始|孕囊|卵黄囊|显影))[^，]{2,}"
)
_T_VALUE = re.compile(r"T-?(?:值|score)(?:约|为|：|=)*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_LOW_BONE_MASS = -1.0
"""WHO: a T value of -1.0 and above is normal."""


def _by_value(text: str) -> Status | None:
    values = [float(value) for value in _T_VALUE.findall(text)]
    if not values:
        return None
    return Status.ABNORMAL if min(values) < _LOW_BONE_MASS else Status.NORMAL


def _after_gone(rest: str) -> str:
    return rest.replace("陈旧", "")


def is_uncertain(text: str) -> bool:
    """Tell whether a prepared text hedges (考虑, 可能, 待排, 不除外, ?)."""
    return bool(_patterns().uncertain.search(text))
