"""Pieces of text into rows and reading order."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from ocr.image.slope import measure
from ocr.types import Box, Line

_SAME_ROW = 0.5
"""Two pieces share a row if their middles are closer than this part of the line height."""
_TALL = 1.8
_TOO_TALL_FOR_ONE_LINE = 1.5


def rows_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Group lines into rows from top to bottom, each from left to right. Nothing is lost or doubled.

    Rows follow the common tilt of the lines, so a tilted page that could not be straightened still reads in order.

    >>> name = Line("姓名：甲", Box(0, 3, 80, 20), 1.0)
    >>> age = Line("年龄：60岁", Box(200, 0, 90, 20), 1.0)
    >>> [[line.text for line in row] for row in rows_of([age, name])]
    [['姓名：甲', '年龄：60岁']]
    """
    if not lines:
        return []
    pieces = [part for line in lines for part in split_stack(line, _usual_height(lines))]
    height = _usual_height(pieces)
    tilt = measure([piece.corners for piece in pieces if piece.corners]).angle if _has_corners(pieces) else 0.0
    # content breaks ties, so that the order does not depend on the order of arrival
    levels = sorted(
        ((piece.box.center[1] - tilt * piece.box.center[0], piece) for piece in pieces),
        key=lambda pair: (pair[0], pair[1].box.left, pair[1].text),
    )
    rows: list[list[tuple[float, Line]]] = []
    for level, piece in levels:
        if rows and level - _mean_level(rows[-1]) < _SAME_ROW * height:
            rows[-1].append((level, piece))
        else:
            rows.append([(level, piece)])
    return [
        [piece for _, piece in sorted(row, key=lambda pair: (pair[1].box.left, pair[0], pair[1].text))] for row in rows
    ]


def split_stack(line: Line, usual_height: float) -> list[Line]:
    """Split a box in which single characters of several rows of a narrow column were taken for one upright word."""
    box, count = line.box, len(line.text)
    if count < 2 or box.height < _TALL * usual_height or box.height < _TOO_TALL_FOR_ONE_LINE * box.width:
        return [line]
    step = box.height / count
    return [
        replace(
            line,
            text=character,
            box=Box(box.left, round(box.top + index * step), box.width, max(1, round(step)), box.page),
            corners=(),
            char_confidences=line.char_confidences[index : index + 1],
        )
        for index, character in enumerate(line.text)
    ]


def _usual_height(lines: Sequence[Line]) -> float:
    return float(median(line.box.height for line in lines))


def _has_corners(lines: Sequence[Line]) -> bool:
    return any(line.corners for line in lines)


def _mean_level(row: Sequence[tuple[float, Line]]) -> float:
    return sum(level for level, _ in row) / len(row)
