"""A second reader looks at the lines on which the first was unsure of something critical."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ocr.engines.port import OcrEngine
from ocr.image.arrays import RgbImage
from ocr.messages import READERS_DISAGREE
from ocr.report_form.critical import Critical, critical_spans
from ocr.types import Doubt, Line

SURE = 0.98
"""From here the first reader is believed (measured: below lie 1.3 % of its right critical characters)."""
_AGREED = 0.80
"""With the second reader's agreement, this is enough."""
_ALONE = 0.95
"""Without a second reader, this is enough."""
_MOST_LINES = 8
"""Lines shown to the second reader per report: it takes about 0.2 s each."""

Strip = Callable[[Line], RgbImage]


@dataclass(frozen=True, slots=True)
class UnsureLine:
    """A line, where it belongs, and its critical pieces below `SURE`."""

    line: Line
    where: str
    pieces: tuple[Critical, ...]


def unsure_line(line: Line, where: str) -> UnsureLine | None:
    """Return the critical pieces of a line that the first reader was not sure of; None if it was sure of all."""
    pieces = tuple(piece for piece in critical_spans(line) if piece.span.confidence < SURE)
    return UnsureLine(line, where, pieces) if pieces else None


def check(unsure: Sequence[UnsureLine], second: OcrEngine | None, strip: Strip) -> list[Doubt]:
    """Return the pieces that stay in doubt.

    Args:
        unsure: Lines with unsure pieces.
        second: The second reader, or None where there is none.
        strip: Cuts a line out of the page.
    """
    worst_first = sorted(unsure, key=lambda item: min(piece.span.confidence for piece in item.pieces))
    asked = worst_first[:_MOST_LINES] if second is not None else []
    snippets = second.read_crops([strip(item.line) for item in asked]) if second is not None else []
    answers = {id(item): snippet.text for item, snippet in zip(asked, snippets, strict=True) if snippet.text}
    return [
        doubt
        for item in unsure
        for piece in item.pieces
        if (doubt := _doubt(piece, item.where, answers.get(id(item)))) is not None
    ]


def _doubt(piece: Critical, where: str, answer: str | None) -> Doubt | None:
    confidence, span = piece.span.confidence, piece.span
    if answer is None:
        return None if confidence >= _ALONE else Doubt(span.text, span.box, piece.why, where)
    if _contains(answer, span.text):
        return None if confidence >= _AGREED else Doubt(span.text, span.box, piece.why, where)
    # a second reader that is lost on the whole line proves nothing against the first
    if confidence >= _ALONE and not _is_sensible(answer, span.line.text):
        return None
    return Doubt(span.text, span.box, READERS_DISAGREE, where)


def _contains(answer: str, piece: str) -> bool:
    return _folded(piece) in _folded(answer)


def _is_sensible(answer: str, text: str) -> bool:
    """Tell whether the second reader got at least most characters of the line."""
    wanted = [character for character in _folded(text) if character.isalnum()]
    return sum(character in answer for character in wanted) >= 0.6 * max(1, len(wanted))


def _folded(text: str) -> str:
    return re.sub(r"[\s,，]", "", text).replace("×", "x").replace("X", "x").replace("*", "x").lower()
