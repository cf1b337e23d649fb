"""The definition of a slab (docs/slabs.md) written out a second time, point by point, for comparison."""

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

ROUNDING = 0.5 + 2**-10
NEAR = 1e-3


def native(
    volume: np.ndarray, along: np.ndarray, center: int, thickness: float, mode: str, holes: Sequence[int] = ()
) -> np.ndarray:
    """Slices are sorted along the normal; `holes` are the slices after which some are missing."""
    counted = [k for k in range(len(along)) if abs(along[k] - along[center]) <= thickness / 2 + NEAR]
    part = volume[counted].astype(float)
    if mode == "mip":
        return part.max(axis=0)
    if mode == "minip":
        return part.min(axis=0)
    weights = []
    for k in counted:
        after = (along[k + 1] - along[k]) / 2 if k + 1 < len(along) and k not in holes else None
        before = (along[k] - along[k - 1]) / 2 if k > 0 and k - 1 not in holes else None
        high = after if after is not None else before if before is not None else 0.5
        low = before if before is not None else after if after is not None else 0.5
        from_mm = max(along[k] - low, along[center] - thickness / 2)
        to_mm = min(along[k] + high, along[center] + thickness / 2)
        weights.append(max(to_mm - from_mm, 0))
    if sum(weights) == 0:
        weights = [1.0] * len(counted)
    return np.average(part, axis=0, weights=weights)


def point(
    volume: np.ndarray,
    origins: np.ndarray,
    axes: Sequence[np.ndarray],
    spacing: tuple[float, float],
    place: np.ndarray,
    holes: Sequence[int] = (),
) -> float | None:
    """Return the value at one point of the patient, None where there is none. `axes`: row, column, normal."""
    row, column, normal = axes
    along = origins @ normal
    z = place @ normal
    near = [k for k in range(len(along)) if abs(z - along[k]) < NEAR]
    if near:
        return _in_slice(volume[near[-1]], origins[near[-1]], row, column, spacing, place)
    below = [k for k in range(len(along) - 1) if along[k] < z < along[k + 1]]
    if not below or below[0] in holes:
        return None
    k = below[0]
    lower = _in_slice(volume[k], origins[k], row, column, spacing, place)
    upper = _in_slice(volume[k + 1], origins[k + 1], row, column, spacing, place)
    if lower is None or upper is None:
        return None
    f = (z - along[k]) / (along[k + 1] - along[k])
    return lower * (1 - f) + upper * f


def _in_slice(plane, origin, row, column, spacing, place) -> float | None:
    u, v = (place - origin) @ row / spacing[1], (place - origin) @ column / spacing[0]
    rows, columns = plane.shape
    if not (-1e-6 <= u <= columns - 1 + 1e-6 and -1e-6 <= v <= rows - 1 + 1e-6):
        return None
    u, v = min(max(u, 0), columns - 1), min(max(v, 0), rows - 1)
    i, j = min(int(u + 1e-6), columns - 2), min(int(v + 1e-6), rows - 2)
    a, b = max(u - i, 0), max(v - j, 0)
    cells = plane[j : j + 2, i : i + 2].astype(float)
    return float(np.array([1 - b, b]) @ cells @ np.array([1 - a, a]))


def sampled(
    volume, origins, axes, spacing, plane, thickness: float, mode: str, holes: Sequence[int] = ()
) -> np.ndarray:
    """`plane`: origin, row, column, spacing, rows, columns. NaN where there is nothing."""
    origin, row, column, step, rows, columns = plane
    fine = min(spacing)
    reach = int((thickness / 2 + NEAR) / fine)
    through = np.cross(row, column)
    values = np.full((rows, columns), np.nan)
    put: dict[str, Callable[..., float]] = {"mip": max, "minip": min, "avgip": fmean}
    for j in range(rows):
        for i in range(columns):
            places = [
                origin + i * step * row + j * step * column + t * fine * through for t in range(-reach, reach + 1)
            ]
            found = [point(volume, origins, axes, spacing, place, holes) for place in places]
            known = [value for value in found if value is not None]
            if known:
                values[j, i] = put[mode](known)
    return values


def rounded(values: np.ndarray) -> np.ndarray:
    return np.floor(values + ROUNDING)
