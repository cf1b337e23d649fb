"""A part of a printed line: its text, its place and how sure the reader was of its weakest character."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr.types import Box, Line

_TELLING = "↑↓+-<>≤≥*/.^"
"""Marks that carry meaning; a weak comma or space says nothing about a value."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a line."""

    line: Line
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters."""
        return self.line.text[self.start : self.end]

    @property
    def confidence(self) -> float:
        """Confidence of the weakest letter or digit, of the whole line where the engine knows no better."""
        paired = zip(self.text, self.line.char_confidences[self.start : self.end], strict=False)
        part = [confidence for character, confidence in paired if character.isalnum() or character in _TELLING]
        return min(part) if part else self.line.confidence

    @property
    def box(self) -> Box:
        """Place of the characters, assuming that a Chinese character is as wide as two others."""
        before, inside = _width(self.line.text[: self.start]), _width(self.text)
        whole = max(1, _width(self.line.text))
        box = self.line.box
        left = box.left + round(box.width * before / whole)
        return Box(left, box.top, max(1, round(box.width * inside / whole)), box.height, box.page)

    def stripped(self, unwanted: str = " \t\u3000") -> "Span":
        """Return the span without these characters at its ends."""
        start, end = self.start, self.end
        while start < end and self.line.text[start] in unwanted:
            start += 1
        while end > start and self.line.text[end - 1] in unwanted:
            end -= 1
        return Span(self.line, start, end)


def whole(line: Line) -> Span:
    """Return the span of the whole line."""
    return Span(line, 0, len(line.text))


def words(span: Span) -> list[Span]:
    """Split at white space."""
    found, start = [], None
    for index in range(span.start, span.end + 1):
        blank = index == span.end or span.line.text[index].isspace()
        if blank and start is not None:
            found.append(Span(span.line, start, index))
            start = None
        elif not blank and start is None:
            start = index
    return found


def around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds all; of the first page, if they are on several."""
    page = boxes[0].page
    same = [box for box in boxes if box.page == page]
    left, top = min(box.left for box in same), min(box.top for box in same)
    right, bottom = max(box.right for box in same), max(box.bottom for box in same)
    return Box(left, top, right - left, bottom - top, page)


def _width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
