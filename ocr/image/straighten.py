"""Turn, straighten and scale a page so that lines are level and characters have the height the reader likes.

One homography does it all in one interpolation; its inverse takes boxes back to the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.image.arrays import Matrix, RgbImage
from ocr.image.slope import Slope, as_array, line_height, measure, rotation
from ocr.types import Box, Corners

_GOOD_LINE_HEIGHT = 36.0
"""Height of a text box at which RapidOCR reads best for its time (measured: decisions/002-geometry.md)."""
_MOST_ENLARGED = 2.0
_MOST_PIXELS = 6_000_000
_SHARPENING = 0.7


@dataclass(frozen=True, slots=True)
class Straightened:
    """A level page. `to_picture` takes its pixels back to the picture it was made from."""

    image: RgbImage
    to_picture: Matrix

    def back(self, box: Box) -> Box:
        """Return the axis-aligned box around the same place on the picture."""
        sides = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
        points = _mapped(np.array(sides, dtype=np.float64), self.to_picture)
        left, top = np.floor(points.min(axis=0)).astype(int)
        right, bottom = np.ceil(points.max(axis=0)).astype(int)
        return Box(int(left), int(top), max(1, int(right - left)), max(1, int(bottom - top)), box.page)


def unchanged(image: RgbImage) -> Straightened:
    """Return the picture as it is."""
    return Straightened(image, np.eye(3))


def straighten(image: RgbImage, corners: Sequence[Corners], turn: int = 0) -> Straightened:
    """Cut out, level and scale the text of a page.

    Args:
        image: The picture.
        corners: Pieces of text on it, their first side along the text when turned as told.
        turn: Degrees clockwise (0, 90, 180, 270) by which the picture must be turned to be upright.
    """
    quarter = _turn_matrix(turn, image.shape[1], image.shape[0])
    upright = [_upright(quad, quarter) for quad in corners]
    slope = measure(upright)
    height = line_height(upright)
    to_level = _leveller(slope, upright) @ quarter
    area = _text_area(_mapped(as_array(corners).reshape(-1, 2), to_level), margin=2 * height)
    scale = min(_GOOD_LINE_HEIGHT / height, _MOST_ENLARGED, float(np.sqrt(_MOST_PIXELS / (area[2] * area[3]))))
    place = np.array([[scale, 0, -area[0] * scale], [0, scale, -area[1] * scale], [0, 0, 1.0]])
    matrix = place @ to_level
    size = (max(32, round(area[2] * scale)), max(32, round(area[3] * scale)))
    source = _softened(image, scale)
    level = cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Straightened(_sharpened(level), _inverse(matrix))


def turned(image: RgbImage, turn: int) -> Straightened:
    """Return the picture turned clockwise by 0, 90, 180 or 270 degrees and nothing else."""
    return Straightened(
        np.ascontiguousarray(np.rot90(image, -turn // 90)),
        _inverse(_turn_matrix(turn, image.shape[1], image.shape[0])),
    )


def crop(image: RgbImage, corners: Corners) -> RgbImage:
    """Cut out one piece of text as a level strip."""
    a, b, c, d = (np.array(point) for point in corners)
    width = max(4, round(float(np.linalg.norm(b - a) + np.linalg.norm(c - d)) / 2))
    height = max(4, round(float(np.linalg.norm(d - a) + np.linalg.norm(c - b)) / 2))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(corners, dtype=np.float32), target)
    strip: RgbImage = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return strip


def upright_corners(quad: Corners, image: RgbImage, turn: int) -> Corners:
    """Return the same corners of the picture, beginning with the one that is upper left after the turn."""
    quarter = _turn_matrix(turn, image.shape[1], image.shape[0])
    upright = np.array(_upright(quad, quarter))
    a, b, c, d = ((float(x), float(y)) for x, y in _mapped(upright, _inverse(quarter)))
    return a, b, c, d


def _turn_matrix(turn: int, width: int, height: int) -> Matrix:
    return {
        0: np.eye(3),
        90: np.array([[0, -1, height - 1.0], [1, 0, 0], [0, 0, 1]]),
        180: np.array([[-1, 0, width - 1.0], [0, -1, height - 1.0], [0, 0, 1]]),
        270: np.array([[0, 1, 0], [-1, 0, width - 1.0], [0, 0, 1.0]]),
    }[turn]


def _upright(quad: Corners, quarter: Matrix) -> Corners:
    """Take a piece of text to the turned picture, and start again at its upper left corner there."""
    points = _mapped(np.array(quad, dtype=np.float64), quarter)
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    a, b, c, d = ((float(x), float(y)) for x, y in (left[0], right[0], right[1], left[1]))
    return a, b, c, d


def _leveller(slope: Slope, corners: Sequence[Corners]) -> Matrix:
    level = np.eye(3)
    level[:2, :2] = rotation(-slope.angle)
    if slope.convergence == 0:
        return level
    middle = float(_mapped(as_array(corners).reshape(-1, 2), level)[:, 0].mean())
    # lines y = level + c·(1 + convergence·(x - middle)) meet in one point; dividing by that factor makes them parallel
    to_middle = np.array([[1, 0, -middle], [0, 1, -slope.level], [0, 0, 1.0]])
    rails = np.array([[1, 0, 0], [0, 1, 0], [slope.convergence, 0, 1.0]])
    parallel: Matrix = _inverse(to_middle) @ rails @ to_middle @ level
    return parallel


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _mapped(points: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    homogeneous = np.c_[points, np.ones(len(points))] @ matrix.T
    mapped: NDArray[np.float64] = homogeneous[:, :2] / homogeneous[:, 2:]
    return mapped


def _text_area(points: NDArray[np.float64], margin: float) -> tuple[float, float, float, float]:
    left, top = points.min(axis=0) - margin
    right, bottom = points.max(axis=0) + margin
    return float(left), float(top), float(right - left), float(bottom - top)


def _softened(image: RgbImage, scale: float) -> RgbImage:
    """Blur before shrinking by more than a third, or thin strokes alias."""
    if scale > 0.67:
        return image
    soft: RgbImage = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    return soft


def _sharpened(image: RgbImage) -> RgbImage:
    sharp: RgbImage = cv2.addWeighted(image, 1 + _SHARPENING, cv2.GaussianBlur(image, (0, 0), 1.5), -_SHARPENING, 0)
    return sharp
