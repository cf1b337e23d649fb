"""How text lines lie on a picture: turned by a quarter, tilted, and running together like rails (mild perspective)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr.types import Corners

_LONG_LINE = 4.0
"""Width over height from which a line's own direction can be trusted."""
_STEEPEST_CONVERGENCE = 0.25
"""Change of slope over half the page width; more is a wrong guess, not a page."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Direction of the lines: `angle` in radians (clockwise positive), and its change for each pixel further down.

    After turning by `angle`, a line at height y has the slope `convergence * (y - level)`.
    """

    angle: float
    convergence: float = 0.0
    level: float = 0.0


def as_array(corners: Sequence[Corners]) -> NDArray[np.float64]:
    """Return the corners as lines × 4 × 2."""
    return np.array(corners, dtype=np.float64).reshape(-1, 4, 2)


def line_height(corners: Sequence[Corners]) -> float:
    """Return the median height of the pieces of text, measured across their direction."""
    quads = as_array(corners)
    sides = np.stack([_lengths(quads, 0, 1), _lengths(quads, 0, 3)])
    return float(np.median(sides.min(axis=0)))


def lies_on_its_side(corners: Sequence[Corners]) -> bool:
    """Tell whether the lines run up or down the picture. Short pieces have no say."""
    quads = as_array(corners)
    # finders order the corners of a steep piece as they please, so only the long side counts
    first, second = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    lengths = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    along = np.where((lengths[0] >= lengths[1])[:, None], first, second)
    telling = np.maximum(*lengths) > 3 * np.minimum(*lengths)
    across, down = np.abs(along[telling]).sum(axis=0)
    return bool(down > across)


def measure(corners: Sequence[Corners]) -> Slope:
    """Fit the direction of the lines; a level slope when there is too little to go by."""
    quads = as_array(corners)
    width, height = _lengths(quads, 0, 1), _lengths(quads, 0, 3)
    long = width > _LONG_LINE * height
    if not long.any():
        return Slope(0.0)
    quads, width = quads[long], width[long]
    angle = _weighted_median(_angles(quads), width)
    turned = quads @ rotation(-angle).T
    return _fit_convergence(angle, turned, width)


def rotation(angle: float) -> NDArray[np.float64]:
    """Return the 2 × 2 matrix that turns by the angle (clockwise on the screen)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _fit_convergence(angle: float, quads: NDArray[np.float64], width: NDArray[np.float64]) -> Slope:
    slopes, heights = _angles(quads), quads.mean(axis=1)[:, 1]
    if len(width) < 6 or np.ptp(heights) < 10 * width.max() / _LONG_LINE / 4:
        return Slope(angle)
    kept = np.ones(len(width), dtype=bool)
    rate, base = 0.0, 0.0
    for _ in range(3):  # a few lines are always boxed badly: fit, leave out the worst, fit again
        rate, base = np.polyfit(heights[kept], slopes[kept], 1, w=width[kept])
        off = np.abs(slopes - (base + rate * heights))
        kept = off < max(0.01, 2.5 * float(np.median(off)))
        if kept.sum() < 4:
            return Slope(angle)
    before = float(np.average(np.abs(slopes[kept]), weights=width[kept]))
    after = float(np.average(np.abs(slopes[kept] - (base + rate * heights[kept])), weights=width[kept]))
    half_page = np.ptp(quads[:, :, 0]) / 2
    if after > 0.8 * before or abs(rate) * half_page > _STEEPEST_CONVERGENCE or abs(rate) < 1e-7:
        return Slope(angle)
    return Slope(angle, float(rate), float(-base / rate))


def _lengths(quads: NDArray[np.float64], start: int, end: int) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(quads[:, end] - quads[:, start], axis=1)
    return lengths


def _angles(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    along = (quads[:, 1] - quads[:, 0]) + (quads[:, 2] - quads[:, 3])
    angles: NDArray[np.float64] = np.arctan2(along[:, 1], along[:, 0])
    return angles


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
