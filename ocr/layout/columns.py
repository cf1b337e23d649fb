"""Which column of a table a piece of text stands in."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr.layout.spans import Span, words
from ocr.types import Box


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds, where its heading stands, and to which side-by-side table it belongs."""

    kind: str
    box: Box
    group: int = 0


def place(pieces: Sequence[Span], columns: Sequence[Column]) -> list[tuple[Column, Span]]:
    """Give each piece the column whose heading it lines up with, by left edge, middle or right edge.

    A piece that reaches under the middles of several headings was read across columns and is split at its spaces.
    """
    placed = []
    for piece in pieces:
        under = [column for column in columns if piece.box.left <= column.box.center[0] <= piece.box.right]
        parts = words(piece) if len(under) > 1 else [piece]
        placed += [(min(columns, key=lambda column: _distance(part.box, column.box)), part) for part in parts]
    return placed


def _distance(piece: Box, heading: Box) -> float:
    return min(
        abs(piece.left - heading.left),
        abs(piece.center[0] - heading.center[0]),
        abs(piece.right - heading.right),
    )
