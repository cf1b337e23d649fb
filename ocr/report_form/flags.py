"""The arrows of laboratory sheets, which readers take for letters and digits."""

from dataclasses import dataclass

from ocr.messages import FLAG_MISSING, FLAG_UNLIKE_RANGE, UNCLEAR
from ocr.report_form.ranges import parse_range, parse_result

_UP = frozenset("↑⬆▲△HhＨ高⇧")
_DOWN = frozenset("↓⬇▼▽LＬ低⇩")
_LIKE_AN_ARROW = frozenset("T1Il|t个←→十于J丁个Ttf亻个^vV!！丨÷+卜")
_STAR = frozenset("*＊★☆")


@dataclass(frozen=True, slots=True)
class FlagReading:
    """The flag of a row, and why it must be confirmed (None: it need not)."""

    flag: str
    why: str | None = None


def looks_like_flag(text: str) -> bool:
    """Tell whether a piece of text can be nothing but a flag."""
    return bool(text) and set(text.strip()) <= _UP | _DOWN | _LIKE_AN_ARROW | _STAR


def printed_flag(text: str) -> str:
    """Return "↑", "↓", "*", "" for no flag, or "?" for a mark that is some arrow."""
    text = text.strip()
    for marks, flag in ((_UP, "↑"), (_DOWN, "↓"), (_STAR, "*")):
        if any(mark in marks for mark in text):
            return flag
    return "?" if text else ""


def judged_flag(printed: str, value: str, reference: str) -> FlagReading:
    """Compare the printed flag with the printed range; the range decides only which arrow an unclear mark is."""
    limits, number = parse_range(reference), parse_result(value)
    expected = limits.flag_for(number) if limits is not None and number is not None else None
    if printed == "?":
        return FlagReading(expected) if expected else FlagReading("", UNCLEAR)
    if expected is None or printed == "*":
        return FlagReading(printed)
    if printed == "" and expected:
        return FlagReading("", FLAG_MISSING)
    if printed and printed != expected:
        return FlagReading(printed, FLAG_UNLIKE_RANGE)
    return FlagReading(printed)
