"""The values of a slab. docs/slabs.md is the definition; the tests hold it written out a second time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging_core.errors import SlabNotPossible
from imaging_core.volume.planes import NativePlane, SampledPlane
from imaging_core.volume.stack import NEAR_MM, Floats, Stack
from imaging_core.volume.wish import Mode

Volume = NDArray[Any]
"""slices × rows × columns, slices in the stack's order."""
Load = Callable[[int, int], Volume]
"""Returns the volume in which the slices from the first to before the second are filled in."""

_NEAR_PIXEL: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Projection:
    """Values before rounding, where there are any, and from which slices they come."""

    values: Floats
    known: NDArray[np.bool_]
    first_slice: int
    last_slice: int
    complete: bool
    """False where slices are missing within the slab."""


def native_slab(stack: Stack, plane: NativePlane, mode: Mode, thickness: float, load: Load) -> Projection:
    """Return the slab around a slice: the slices whose centre lies in it, each as it is."""
    center = stack.along[plane.slice_index]
    half = thickness / 2
    counted = np.flatnonzero(np.abs(stack.along - center) <= half + NEAR_MM)
    first, last = int(counted[0]), int(counted[-1])
    volume = load(first, last + 1)
    weights = _slice_weights(stack, first, last, center - half, center + half)
    put = _Putting(mode, volume.shape[1:])
    sheared = stack.sheared
    for index in range(first, last + 1):
        if not sheared:
            put.add(volume[index], None, weights[index - first])
            continue
        moved_x = (stack.first_column[plane.slice_index] - stack.first_column[index]) / stack.spacing[1]
        moved_y = (stack.first_row[plane.slice_index] - stack.first_row[index]) / stack.spacing[0]
        put.add(*_moved(volume[index], float(moved_x), float(moved_y)), weights[index - first])
    holes = [k for k in np.flatnonzero(stack.hole_after) if _meets(stack, int(k), center - half, center + half)]
    values, known = put.result()
    return Projection(values, known, first, last, not holes)


def sampled_slab(stack: Stack, plane: SampledPlane, mode: Mode, load: Load) -> Projection:
    """Return the slab around any plane: points one step apart along its normal, each interpolated in three directions.

    Raises:
        SlabNotPossible: The stack has no extent to interpolate in, or the plane does not meet it.
    """
    first_slice = stack.slices[0]
    if len(stack.slices) < 2 or min(first_slice.rows, first_slice.columns) < 2:
        raise SlabNotPossible("one_slice", "one slice has no other planes")
    grid = _Grid(stack, plane)
    first, last = grid.slices()
    volume = load(first, last + 1)
    put = _Putting(mode, (plane.rows, plane.columns))
    complete = True
    for offset in range(-plane.reach, plane.reach + 1):
        values, known, whole = grid.sample(volume, offset)
        complete = complete and whole
        put.add(values, known, 1.0)
    values, known = put.result()
    return Projection(values, known, first, last, complete)


class _Putting:
    """Puts samples of the same place together. `known` None: all of them."""

    def __init__(self, mode: Mode, shape: tuple[int, ...]) -> None:
        self._mode = mode
        self._shape = shape
        self._values: NDArray[Any] | None = None
        self._weights: Any = 0.0

    def add(self, values: NDArray[Any], known: NDArray[np.bool_] | None, weight: float) -> None:
        if self._mode is Mode.AVGIP:
            if self._values is None:
                self._values = np.zeros(self._shape)
            part = values if known is None else np.where(known, values, 0)
            self._values += part if weight == 1 else weight * part
            self._weights = self._weights + (weight if known is None else weight * known)
            return
        lost = -np.inf if self._mode is Mode.MIP else np.inf
        part = values if known is None else np.where(known, values, lost)
        if self._values is None:
            self._values = np.array(part)
        else:
            (np.maximum if self._mode is Mode.MIP else np.minimum)(self._values, part, out=self._values)

    def result(self) -> tuple[Floats, NDArray[np.bool_]]:
        assert self._values is not None  # noqa: S101  # there is always a sample at the plane itself
        values = self._values.astype(np.float64, copy=False)
        if self._mode is Mode.AVGIP:
            known = np.broadcast_to(np.asarray(self._weights) > 0, self._shape)
            return values / np.where(known, self._weights, 1), known
        return values, np.isfinite(values)


def _slice_weights(stack: Stack, first: int, last: int, low: float, high: float) -> Floats:
    """Return how many millimetres of the slab each slice stands for: half way to its neighbours on either side."""
    half = np.where(stack.hole_after, np.nan, np.diff(stack.along) / 2)
    before, after = np.append(np.nan, half), np.append(half, np.nan)
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    part = slice(first, last + 1)
    # a slice with no neighbour stands for itself
    lengths = np.minimum(stack.along[part] + np.nan_to_num(after[part], nan=0.5), high) - np.maximum(
        stack.along[part] - np.nan_to_num(before[part], nan=0.5), low
    )
    weights: Floats = np.maximum(lengths, 0)
    return weights if weights.sum() > 0 else np.ones_like(weights)


def _meets(stack: Stack, hole: int, low: float, high: float) -> bool:
    return bool(stack.along[hole] < high - NEAR_MM and stack.along[hole + 1] > low + NEAR_MM)


def _moved(plane: NDArray[Any], x: float, y: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Return a slice at points that lie `x` columns and `y` rows from its pixels, by bilinear interpolation."""
    rows, columns = plane.shape
    u: Floats = np.arange(columns, dtype=np.float64) + x
    v: Floats = np.arange(rows, dtype=np.float64) + y
    u0, fu, known_u = _steps(u, columns)
    v0, fv, known_v = _steps(v, rows)
    u1, v1 = np.minimum(u0 + 1, columns - 1), np.minimum(v0 + 1, rows - 1)
    across = plane[:, u0] * (1 - fu) + plane[:, u1] * fu
    return across[v0] * (1 - fv)[:, None] + across[v1] * fv[:, None], known_v[:, None] & known_u


def _steps(position: Floats, count: int) -> tuple[NDArray[np.intp], Floats, NDArray[np.bool_]]:
    """Return lower neighbour, fraction, and whether the point lies between the first and the last centre."""
    known = (position >= -_NEAR_PIXEL) & (position <= count - 1 + _NEAR_PIXEL)
    lower = np.clip(np.floor(position + _NEAR_PIXEL), 0, max(count - 2, 0))
    fraction = np.clip(position - lower, 0, 1)
    fraction[fraction < _NEAR_PIXEL] = 0
    return lower.astype(np.intp), fraction, known


class _Grid:
    """The points of a plane in the stack's own axes; each coordinate is a sum of a part by row and one by column."""

    def __init__(self, stack: Stack, plane: SampledPlane) -> None:
        self._stack = stack
        self._plane = plane
        self._i = np.arange(plane.columns) * plane.spacing
        self._j = (np.arange(plane.rows) * plane.spacing)[:, None]

    def slices(self) -> tuple[int, int]:
        """Return the first and the last slice that the points may need."""
        stack, plane = self._stack, self._plane
        reach = abs(float(plane.through @ stack.normal)) * plane.reach * plane.step
        z = self._along(stack.normal, 0)
        low, high = float(z.min()) - reach, float(z.max()) + reach
        if high < stack.along[0] - NEAR_MM or low > stack.along[-1] + NEAR_MM:
            raise SlabNotPossible("no_such_plane", "the plane does not meet the series")
        first = int(np.searchsorted(stack.along, low + NEAR_MM, side="right")) - 1
        last = int(np.searchsorted(stack.along, high - NEAR_MM, side="left"))
        return max(first, 0), min(last, len(stack.along) - 1)

    def sample(self, volume: Volume, offset: int) -> tuple[Floats, NDArray[np.bool_] | None, bool]:
        """Return values, where there are any (None: everywhere), and whether no point fell among missing slices."""
        stack = self._stack
        z = self._along(stack.normal, offset)
        if z.shape[1] > 1 and np.ptp(z, axis=1).max() < _NEAR_PIXEL:
            z = z[:, :1]  # rows of the plane lie in the slices: the place among them is the same along a row
        lower, fraction, known, whole = self._between(z)
        x = self._along(stack.row, offset)
        y = self._along(stack.column, offset)
        if not stack.sheared:
            x, y = _thin(x), _thin(y)
        below = self._bilinear(volume, lower, x, y)
        above = self._bilinear(volume, lower + 1, x, y)
        shape = (self._plane.rows, self._plane.columns)
        # a slice that is not needed must not make a point unknown
        seen = np.broadcast_to(known & (below[1] | (fraction == 1)) & (above[1] | (fraction == 0)), shape)
        values = below[0] * (1 - fraction) + above[0] * fraction
        return np.broadcast_to(values, shape), None if seen.all() else seen, whole

    def _between(self, z: Floats) -> tuple[NDArray[np.intp], Floats, NDArray[np.bool_], bool]:
        along = self._stack.along
        known = (z >= along[0] - NEAR_MM) & (z <= along[-1] + NEAR_MM)
        lower = np.clip(np.searchsorted(along, z + NEAR_MM, side="right") - 1, 0, len(along) - 2)
        fraction = np.clip((z - along[lower]) / (along[lower + 1] - along[lower]), 0, 1)
        fraction[np.abs(z - along[lower]) < NEAR_MM] = 0
        fraction[np.abs(z - along[lower + 1]) < NEAR_MM] = 1
        lost = known & self._stack.hole_after[lower] & (fraction > 0) & (fraction < 1)
        return lower, fraction, known & ~lost, not bool(lost.any())

    def _bilinear(self, volume: Volume, at: NDArray[np.intp], x: Floats, y: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        stack, (_, rows, columns) = self._stack, volume.shape
        if stack.sheared:
            first_column, first_row = stack.first_column[at], stack.first_row[at]
        else:
            first_column, first_row = stack.first_column[:1], stack.first_row[:1]
        u0, fu, known_u = _steps((x - first_column) / stack.spacing[1], columns)
        v0, fv, known_v = _steps((y - first_row) / stack.spacing[0], rows)
        flat = volume.reshape(-1)
        place = (at * rows + v0) * columns + u0
        upper = flat.take(place)
        if fu.any():
            upper = upper * (1 - fu) + flat.take(place + 1) * fu
        if fv.any():
            lower = flat.take(place + columns)
            if fu.any():
                lower = lower * (1 - fu) + flat.take(place + columns + 1) * fu
            upper = upper * (1 - fv) + lower * fv
        return upper, known_u & known_v

    def _along(self, axis: Floats, offset: int) -> Floats:
        """Return where each point of the plane `offset` steps on lies along an axis, in millimetres."""
        plane = self._plane
        start = float((plane.origin + offset * plane.step * plane.through) @ axis)
        place: Floats = start + self._j * float(plane.column @ axis) + self._i * float(plane.row @ axis)
        return place


def _thin(place: Floats) -> Floats:
    """Return a coordinate that depends on the row or the column alone as one row or column."""
    if place.shape[0] > 1 and np.ptp(place, axis=0).max() < _NEAR_PIXEL:
        place = place[:1]
    if place.shape[1] > 1 and np.ptp(place, axis=1).max() < _NEAR_PIXEL:
        place = place[:, :1]
    return place
