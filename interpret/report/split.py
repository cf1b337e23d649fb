"""Sentences and clauses, with exact offsets in the prepared text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from interpret.language import cues, pattern_of

_STOP = re.compile(r"[。；！\n]+")
# An item number: at the start of a stretch, or glued between Han characters; not 第3、4, 胸12、腰1, L4、5.


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of the prepared text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the piece."""
        return text[self.start : self.end]


def _trim(text: str, start: int, end: int) -> Slice | None:
    match = pattern_of("report_split", "leading").match(text, start, end)
    start = match.end() if match else start
    while start < end and text[start] in " \n":
        start += 1
    while end > start and text[end - 1] in " \n，、：":
        end -= 1
    return Slice(start, end) if end > start else None


def sentences(text: str) -> list[Slice]:
    """Cut at 。；！, line ends and item numbers.

    >>> [piece.of("1.右肺结节2.左肺条索影。") for piece in sentences("1.右肺结节2.左肺条索影。")]
    ['右肺结节', '左肺条索影']
    """
    cuts = [
        0,
        *sorted(
            {m.end() for m in _STOP.finditer(text)}
            | {m.start() for m in pattern_of("report_split", "glued").finditer(text)}
        ),
        len(text),
    ]
    out = []
    for start, end in pairwise(cuts):
        stop = end
        while stop > start and text[stop - 1] in "。；！\n":
            stop -= 1
        piece = _trim(text, start, stop)
        if piece is not None:
            out.append(piece)
    return [shortened for piece in out if (shortened := _without_heading(text, piece)) is not None]


def _without_heading(text: str, piece: Slice) -> Slice | None:
    content = piece.of(text)
    for heading in cues("heading"):
        if content.startswith(heading):
            rest = content[len(heading) :]
            if not rest:
                return None
            if rest[0] in "：]":
                return _trim(text, piece.start + len(heading) + 1, piece.end)
    return piece


def clauses(text: str, sentence: Slice) -> Iterator[Slice]:
    """Cut a sentence at commas that stand outside brackets and outside numbers."""
    depth, start = 0, sentence.start
    for index in range(sentence.start, sentence.end):
        char = text[index]
        if char in "([":
            depth += 1
        elif char in ")]":
            depth = max(0, depth - 1)
        elif char == "，" and depth == 0 and not _decimal_comma(text, index):
            piece = _trim_clause(text, start, index)
            if piece is not None:
                yield piece
            start = index + 1
    piece = _trim_clause(text, start, sentence.end)
    if piece is not None:
        yield piece


def _decimal_comma(text: str, index: int) -> bool:
    return bool(re.match(r"\d，\d{1,2}(?=[×xX*-]|\s*[cm]m)", text[max(0, index - 1) : index + 6]))


def _trim_clause(text: str, start: int, end: int) -> Slice | None:
    while start < end and text[start] in " ，、：":
        start += 1
    while end > start and text[end - 1] in " ，、":
        end -= 1
    return Slice(start, end) if end > start else None


_ADVICE_INSIDE = re.compile(r"(?<=[\u4e00-\u9fff)\]?0-9a-zA-Z])[ ,]?(?=建议|请结合|请随诊|请随访)")


def clauses_with_advice(text: str, sentence: Slice) -> list[Slice]:
    """Cut a sentence at commas and before advice that follows without one (…结节建议复查)."""
    out: list[Slice] = []
    for clause in clauses(text, sentence):
        cut = _ADVICE_INSIDE.search(clause.of(text))
        if cut and clause.start + cut.start() > clause.start:
            out += [Slice(clause.start, clause.start + cut.start()), Slice(clause.start + cut.end(), clause.end)]
        else:
            out.append(clause)
    return out
