"""Is there anything to read? Sure cases are refused before reading, likely ones only after a poor reading."""

from collections.abc import Sequence

import cv2
import numpy as np

from ocr.image.arrays import RgbImage
from ocr.types import Line, Refusal

_BLANK_DEVIATION = 4.0
_DARK_BRIGHT_PART = 55
"""Grey value below which even the brightest twentieth of the picture is too dark."""
_POOR_CONFIDENCE = 0.80
_SMALL_LINE = 15.0
"""Height of a line's box, in picture pixels, under which characters merge."""
_BLURRED_EDGES = 0.16


def refusal_before_reading(image: RgbImage) -> Refusal | None:
    """Return BLANK or TOO_DARK for pictures on which nobody could read anything."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA)
    if float(np.percentile(small, 95)) < _DARK_BRIGHT_PART:
        return Refusal.TOO_DARK
    if float(small.std()) < _BLANK_DEVIATION and float(grey.std()) < _BLANK_DEVIATION:
        return Refusal.BLANK
    return None


def refusal_after_reading(lines: Sequence[Line], line_height: float, image: RgbImage) -> Refusal | None:
    """Return why a poor reading is poor, or None when it is good enough to go on.

    Args:
        lines: What was read.
        line_height: Median height of the lines in the picture as it was taken.
        image: The picture that was read.
    """
    if mean_confidence(lines) >= _POOR_CONFIDENCE:
        return None
    if line_height < _SMALL_LINE:
        return Refusal.SMALL_TEXT
    if edge_sharpness(image, lines) < _BLURRED_EDGES:
        return Refusal.BLURRED
    return None


def mean_confidence(lines: Sequence[Line]) -> float:
    """Return the confidence of an average character; 0 when nothing was read."""
    characters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / characters if characters else 0.0


def edge_sharpness(image: RgbImage, lines: Sequence[Line]) -> float:
    """Return how steep the strokes are: steepest pixel step over the contrast of a line, median over the lines.

    1 is a step from paper to ink within one pixel; a blurred photo spreads it over many.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.int16)
    steps = []
    for line in lines:
        box = line.box
        part = grey[max(box.top, 0) : box.bottom, max(box.left, 0) : box.right]
        if min(part.shape) < 8:
            continue
        dark, bright = np.percentile(part, (2, 98))
        if bright - dark < 20:
            continue
        steps.append(float(np.percentile(np.abs(np.diff(part, axis=1)), 98) / (bright - dark)))
    return float(np.median(steps)) if steps else 0.0
