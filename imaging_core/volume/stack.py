"""Slices put together: in their order along the common normal, with what is missing between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging_core.errors import SlabNotPossible
from imaging_core.volume.slices import Slice

Floats = NDArray[np.float64]

NEAR_MM: Final = 1e-3
_PARALLEL: Final = 1e-3
_SAME_SPACING: Final = 1e-4
_HOLE: Final = 1.5
"""A distance so many times that of the neighbourhood on both sides is no spacing but a missing slice."""
_NEIGHBOURHOOD: Final = 3
_LARGEST_BYTES: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel slices of one size, sorted by their place along `normal` = row direction × column direction."""

    slices: Sequence[Slice]
    row: Floats
    column: Floats
    normal: Floats
    spacing: tuple[float, float]
    """Between rows, between columns."""
    along: Floats
    """Millimetres of each slice along the normal."""
    first_column: Floats
    """Of each slice: where its first column lies along the row direction, in millimetres."""
    first_row: Floats
    """Where its first row lies along the column direction."""
    hole_after: NDArray[np.bool_]
    """Whether slices are missing between each slice and the next: one fewer than slices."""
    ascending: bool
    """Whether the manifest's order goes along the normal, not against it."""
    dtype: np.dtype[Any]
    same_rescale: bool

    @property
    def sheared(self) -> bool:
        """Whether slices are moved against each other in their plane, as by a tilted gantry."""
        near = 0.01 * min(self.spacing)
        return bool(np.ptp(self.first_column) > near or np.ptp(self.first_row) > near)

    @property
    def holes(self) -> list[tuple[float, float]]:
        """Return from where to where along the normal slices are missing."""
        return [(float(self.along[k]), float(self.along[k + 1])) for k in np.flatnonzero(self.hole_after)]

    def place(self, number: int) -> int:
        """Return which slice the manifest's `number` from 1 is."""
        return number - 1 if self.ascending else len(self.slices) - number


def stack_of(slices: Sequence[Slice]) -> Stack:
    """Return the stack of the frames of a series.

    Raises:
        SlabNotPossible: They are no stack; the reason says why.
    """
    if not slices:
        raise SlabNotPossible("no_slices", "no frame of the series can be decoded")
    first = slices[0]
    row, column = _unit(first.row), _unit(first.column)
    if abs(float(row @ column)) > _PARALLEL:
        raise SlabNotPossible("no_position", "the directions of rows and columns are not perpendicular")
    directions = np.array([[*item.row, *item.column] for item in slices])
    if np.abs(directions - directions[0]).max() > _PARALLEL:
        raise SlabNotPossible("mixed_orientations", "the slices are not parallel")
    if len({(item.rows, item.columns) for item in slices}) > 1:
        raise SlabNotPossible("mixed_sizes", "the slices differ in rows or columns")
    spacings = np.array([item.spacing for item in slices])
    if np.abs(spacings / spacings[0] - 1).max() > _SAME_SPACING:
        raise SlabNotPossible("mixed_sizes", "the slices differ in pixel spacing")
    normal = np.cross(row, column)
    origins = np.array([item.origin for item in slices])
    unsorted = origins @ normal
    order = np.argsort(unsorted, kind="stable")
    along = unsorted[order]
    distances = np.diff(along)
    if distances.size and distances.min() < NEAR_MM:
        raise SlabNotPossible("several_per_place", "several frames lie in one place, as of phases or echoes")
    rescales = {(item.slope, item.intercept) for item in slices}
    same_rescale = len(rescales) == 1
    if not np.isfinite(np.array(list(rescales))).all() or any(slope == 0 for slope, _ in rescales):
        raise SlabNotPossible("bad_rescale", "a rescale slope is zero or no number")
    stored = np.result_type(*{np.dtype(f"{'i' if item.signed else 'u'}{item.bits // 8}") for item in slices})
    dtype = stored if same_rescale else np.dtype(np.float64)
    if len(slices) * first.rows * first.columns * dtype.itemsize > _LARGEST_BYTES:
        raise SlabNotPossible("too_large", "the series is larger than what is held in memory at once")
    return Stack(
        slices=[slices[index] for index in order],
        row=row,
        column=column,
        normal=normal,
        spacing=first.spacing,
        along=along,
        first_column=(origins @ row)[order],
        first_row=(origins @ column)[order],
        hole_after=_holes(distances),
        ascending=bool(unsorted[0] <= unsorted[-1]),
        dtype=dtype,
        same_rescale=same_rescale,
    )


def _holes(distances: Floats) -> NDArray[np.bool_]:
    """Return which distances are those of missing slices: a change of spacing differs from one side only."""
    found = np.zeros(len(distances), dtype=bool)
    for index, distance in enumerate(distances):
        sides = (distances[max(index - _NEIGHBOURHOOD, 0) : index], distances[index + 1 : index + 1 + _NEIGHBOURHOOD])
        usual = [float(np.median(side)) for side in sides if side.size]
        found[index] = bool(usual) and distance > _HOLE * max(usual)
    return found


def _unit(direction: Sequence[float]) -> Floats:
    vector = np.array(direction, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 0.5:
        raise SlabNotPossible("no_position", "a direction is no unit vector")
    unit: Floats = vector / length
    return unit
