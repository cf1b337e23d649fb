"""Signed distances of simple bodies, in millimetres: negative inside, positive outside.

All functions broadcast: a slice passes two grids and one height, a list of points passes three vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Distances, coordinates and values; single precision everywhere it matters for speed."""
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """One joint of a tube: where it is and how thick the tube is there, in mm."""

    x: float
    y: float
    z: float
    radius: float


FAR = 16.0
"""Farther than this, mm, a distance only says "far"."""

Tube = Sequence[Node]
"""A chain of joints, joined by round cones."""


def ellipsoid(x: Floats, y: Floats, z: Floats | float, *, center: Point, radii: Point) -> Floats:
    """Return the distance to an ellipsoid; exact on its surface, first order near it."""
    px, py, pz = (x - center[0]) / radii[0], (y - center[1]) / radii[1], (z - center[2]) / radii[2]
    # The tiny terms keep the quotient right in the very centre.
    level = np.sqrt(px * px + py * py + pz * pz + 1e-10)
    slope = np.sqrt((px / radii[0]) ** 2 + (py / radii[1]) ** 2 + (pz / radii[2]) ** 2 + 1e-10 / min(radii) ** 2)
    distance: Floats = level * (level - 1) / slope
    return distance


def superellipse(
    x: Floats, y: Floats, *, half_width: Floats | float, half_depth: Floats | float, power: float
) -> Floats:
    """Return the radial distance to |x/a|^n + |y/b|^n = 1; n above 2 gives the boxy outline of a chest."""
    level = (np.abs(x / half_width) ** power + np.abs(y / half_depth) ** power) ** (1 / power) + 1e-3 / half_depth
    distance: Floats = (np.hypot(x, y) + 1e-3) * (1 - 1 / level)
    return distance


def cone(x: Floats, y: Floats, z: Floats | float, start: Node, end: Node) -> Floats:
    """Return the distance to a round cone between two joints."""
    ax, ay, az = end.x - start.x, end.y - start.y, end.z - start.z
    px, py, pz = x - start.x, y - start.y, z - start.z
    along = np.clip((px * ax + py * ay + pz * az) / max(ax * ax + ay * ay + az * az, 1e-6), 0, 1)
    across = np.sqrt((px - along * ax) ** 2 + (py - along * ay) ** 2 + (pz - along * az) ** 2)
    distance: Floats = across - (start.radius + along * (end.radius - start.radius))
    return distance


def tube(x: Floats, y: Floats, z: Floats | float, joints: Tube) -> Floats:
    """Return the distance to a chain of round cones; in one slice, cones farther than `FAR` from it are left out."""
    distance: Floats | None = None
    for start, end in pairwise(joints):
        if isinstance(z, float) and not _crosses(start, end, z, FAR):
            continue
        piece = cone(x, y, z, start, end)
        distance = piece if distance is None else np.minimum(distance, piece, out=distance)
    return np.full(np.broadcast(x, y).shape, FAR, np.float32) if distance is None else distance


def cones_near(joints: Tube, z: float, margin: float) -> list[tuple[Node, Node]]:
    """Return the pieces of a tube that come within `margin` mm of a height."""
    return [pair for pair in pairwise(joints) if _crosses(*pair, z, margin)]


def _crosses(start: Node, end: Node, z: float, margin: float) -> bool:
    return (
        min(start.z - start.radius, end.z - end.radius) - margin
        < z
        < max(start.z + start.radius, end.z + end.radius) + margin
    )


def smooth_union(first: Floats, second: Floats, blend: float) -> Floats:
    """Return the union of two bodies with the crease between them filled over `blend` mm."""
    overlap = np.clip(0.5 + 0.5 * (second - first) / blend, 0, 1)
    distance: Floats = second + (first - second) * overlap - blend * overlap * (1 - overlap)
    return distance


def coverage(distance: Floats, width: float) -> Floats:
    """Return the share of a voxel of this width that lies inside: partial volume."""
    share: Floats = np.clip(0.5 - distance / width, 0, 1)
    return share


def profile(z: Floats | float, heights: Sequence[float], values: Sequence[float]) -> Floats:
    """Return a smooth curve through the given values (Catmull-Rom), constant beyond the ends."""
    knots, levels, slopes = _curve(tuple(heights), tuple(values))
    at = np.clip(z, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    span = knots[left + 1] - knots[left]
    t = (at - knots[left]) / span
    curve: Floats = (
        (2 * t**3 - 3 * t**2 + 1) * levels[left]
        + (t**3 - 2 * t**2 + t) * span * slopes[left]
        + (3 * t**2 - 2 * t**3) * levels[left + 1]
        + (t**3 - t**2) * span * slopes[left + 1]
    )
    return np.asarray(curve, np.float32)


@lru_cache(maxsize=256)
def _curve(heights: tuple[float, ...], values: tuple[float, ...]) -> tuple[Floats, Floats, Floats]:
    knots, levels = np.asarray(heights, np.float32), np.asarray(values, np.float32)
    return knots, levels, np.gradient(levels, knots)
