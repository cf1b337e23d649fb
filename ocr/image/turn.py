"""Which way is up: readers get the characters of a turned page right but their order wrong."""

from collections.abc import Sequence

import numpy as np

from ocr.engines.port import OcrEngine, Snippet
from ocr.image.arrays import RgbImage
from ocr.image.slope import lies_on_its_side
from ocr.image.straighten import crop, upright_corners
from ocr.types import Corners

_PROBES = 4
_LONGEST_PROBE = 16.0
_SURE = 0.93


def upright_turn(image: RgbImage, corners: Sequence[Corners], engine: OcrEngine) -> int:
    """Return the clockwise turn (0, 90, 180 or 270 degrees) after which the page is upright.

    A few lines are read both ways up; the way that reads with more confidence wins, ties leave the page as it is.
    """
    first = 90 if lies_on_its_side(corners) else 0
    strips = [crop(image, quad) for quad in _probes(image, corners, first)]
    upright = _readable(engine.read_crops(strips))
    if upright >= _SURE:
        return first
    flipped = _readable(engine.read_crops([np.ascontiguousarray(np.rot90(strip, 2)) for strip in strips]))
    return first if upright >= flipped else first + 180


def _probes(image: RgbImage, corners: Sequence[Corners], turn: int) -> list[Corners]:
    """Return the corners, in the picture, of the longest lines that are not too long to be read quickly."""
    pieces = [upright_corners(quad, image, turn) for quad in corners]
    fitting = [quad for quad in pieces if _length(quad) <= _LONGEST_PROBE * max(1.0, _height(quad))]
    return sorted(fitting or pieces, key=_length, reverse=True)[:_PROBES]


def _length(quad: Corners) -> float:
    return float(np.hypot(quad[1][0] - quad[0][0], quad[1][1] - quad[0][1]))


def _height(quad: Corners) -> float:
    return float(np.hypot(quad[3][0] - quad[0][0], quad[3][1] - quad[0][1]))


def _readable(snippets: Sequence[Snippet]) -> float:
    """Return the mean confidence over characters; empty answers count as one unread character."""
    weights = [max(1, len(snippet.text)) for snippet in snippets]
    values = [snippet.confidence if snippet.text else 0.0 for snippet in snippets]
    return float(np.average(values, weights=weights)) if snippets else 0.0
