"""The characters that hurt people when they are wrong: numbers, sides, negations."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ocr.layout.spans import Span
from ocr.messages import NUMBER_WITHOUT_UNIT, UNCLEAR, UNCLEAR_NEGATION, UNCLEAR_NUMBER, UNCLEAR_SIDE
from ocr.types import Line

_NUMBER = re.compile(
    r"[<>≤≥±]?(?:[A-Z]{1,3}[\s-]?)?\d[\d.,:/×xX*~～^-]*"
    r"(?:\s?(?:mm|cm|HU|Hu|ml|mL|%|岁|月|天|周|年|类|级))?"
)
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_NUMBER, UNCLEAR_NUMBER),
    (re.compile(r"[左右双]"), UNCLEAR_SIDE),
    (re.compile(r"[未无不非没](?=[\u4e00-\u9fff])"), UNCLEAR_NEGATION),
    (re.compile(r"[ⅠⅡⅢⅣⅤ阴阳]"), UNCLEAR),
)
_MEASURE_WITHOUT_UNIT = re.compile(
    r"(?:大小约?|直径约?|长径约?|短径约?|厚约?|深约?|宽约?|范围约?|突出约?|CT值约?)\s*"
    r"(?P<number>\d+(?:\.\d+)?(?:\s?m(?!m))?(?:\s?[×xX*]\s?\d+(?:\.\d+)?(?:\s?m(?!m))?)*)"
    r"(?P<unit>\s*(?:mm|cm|ml|mL|HU|Hu|H\b|%|℃|个|度|×|x|X|\*|m/s|kPa)?)"
)
_POINT = re.compile(r"\s*\d{1,2}\s*[.、．)）](?!\d)")
"""The number of a point in a list: nobody is hurt by it."""
_CHARACTER_UNREADABLE = 0.55


@dataclass(frozen=True, slots=True)
class Critical:
    """A critical piece of a line, and the sentence to show if it is in doubt."""

    span: Span
    why: str


def critical_spans(line: Line) -> Iterator[Critical]:
    """Yield the numbers (with their unit), sides and negations of a line."""
    point = _POINT.match(line.text)
    body = point.end() if point else 0
    for pattern, why in _KINDS:
        for match in pattern.finditer(line.text, body):
            yield Critical(Span(line, match.start(), match.end()), why)


def measures_without_unit(line: Line, following: str) -> Iterator[Critical]:
    """Yield measurements that lost their unit, which leaves 3580 where 35HU stood.

    Args:
        line: The line.
        following: Text of the next line, where a wrapped unit continues.
    """
    text = line.text + following[:4]
    for match in _MEASURE_WITHOUT_UNIT.finditer(text):
        has_unit = bool(match["unit"].strip())
        if match.start() < len(line.text) and not has_unit:
            yield Critical(
                Span(line, match.start("number"), min(match.end("number"), len(line.text))), NUMBER_WITHOUT_UNIT
            )


def unreadable_spans(line: Line) -> Iterator[Critical]:
    """Yield runs of characters, critical or not, that the reader itself hardly believes."""
    start: int | None = None
    for index in range(len(line.char_confidences) + 1):
        low = index < len(line.char_confidences) and line.char_confidences[index] < _CHARACTER_UNREADABLE
        low = low and line.text[index].isalnum()
        if low and start is None:
            start = index
        elif not low and start is not None:
            yield Critical(Span(line, start, index), UNCLEAR)
            start = None
