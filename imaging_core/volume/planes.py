"""From a wish to a grid of points in the patient."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from imaging_core.errors import SlabNotPossible
from imaging_core.volume.stack import NEAR_MM, Floats, Stack
from imaging_core.volume.wish import LARGEST_SIDE, NamedPlane, ObliquePlane, SlabWish, no_such_plane

_SAME_DIRECTION: Final = 1e-3
_MOST_SAMPLES: Final = 96_000_000
_AXES: Final = {
    NamedPlane.AXIAL: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    NamedPlane.CORONAL: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    NamedPlane.SAGITTAL: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
}
"""Directions of rows, of columns, and in which the planes are counted: head to feet, front to back, right to left."""


@dataclass(frozen=True, slots=True)
class NativePlane:
    """A plane of the stack itself: no interpolation. `number` of `count`."""

    slice_index: int
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class SampledPlane:
    """A grid of points, and more of them before and behind it along `through`, `step` apart."""

    origin: Floats
    row: Floats
    column: Floats
    through: Floats
    spacing: float
    rows: int
    columns: int
    step: float
    reach: int
    """So many further planes on each side."""
    number: int | None
    count: int | None


def plane_of(stack: Stack, wish: SlabWish) -> NativePlane | SampledPlane:
    """Return where the values of a slab are taken.

    Raises:
        SlabNotPossible: There is no such plane, or it is too large.
    """
    if isinstance(wish.plane, ObliquePlane):
        return _checked(_oblique(stack, wish.plane, wish.thickness))
    if wish.plane is NamedPlane.NATIVE:
        number = _number(wish, len(stack.slices))
        return NativePlane(stack.place(number), number, len(stack.slices))
    row, column, count_direction = map(np.array, _AXES[wish.plane])
    if max(np.abs(stack.row - row).max(), np.abs(stack.column - column).max()) < _SAME_DIRECTION:
        number = _number(wish, len(stack.slices))
        along = bool(stack.normal @ count_direction > 0)
        return NativePlane(number - 1 if along else len(stack.slices) - number, number, len(stack.slices))
    return _checked(_named(stack, wish, (row, column, count_direction)))


def _named(stack: Stack, wish: SlabWish, axes: tuple[Floats, Floats, Floats]) -> SampledPlane:
    corners = _corners(stack)
    spacing = min(stack.spacing)
    starts = [float((corners @ axis).min()) for axis in axes]
    counts = [
        int((float((corners @ axis).max()) - start) / spacing + NEAR_MM) + 1
        for axis, start in zip(axes, starts, strict=True)
    ]
    number = _number(wish, counts[2])
    ends = (starts[0], starts[1], starts[2] + (number - 1) * spacing)
    origin = np.sum([end * axis for end, axis in zip(ends, axes, strict=True)], axis=0)
    return SampledPlane(
        origin=origin,
        row=axes[0],
        column=axes[1],
        through=axes[2],
        spacing=spacing,
        rows=counts[1],
        columns=counts[0],
        step=spacing,
        reach=_reach(wish.thickness, spacing),
        number=number,
        count=counts[2],
    )


def _oblique(stack: Stack, wish: ObliquePlane, thickness: float) -> SampledPlane:
    row, column = np.array(wish.row), np.array(wish.column)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < NEAR_MM or not np.isfinite([*row, *column, *wish.origin]).all():
        raise SlabNotPossible("bad_plane", "a direction has no length")
    row, column = row / lengths[0], column / lengths[1]
    if abs(float(row @ column)) > _SAME_DIRECTION:
        raise SlabNotPossible("bad_plane", "rows and columns are not perpendicular")
    step = min(stack.spacing)
    return SampledPlane(
        origin=np.array(wish.origin),
        row=row,
        column=column,
        through=np.cross(row, column),
        spacing=wish.spacing,
        rows=wish.rows,
        columns=wish.columns,
        step=step,
        reach=_reach(thickness, step),
        number=None,
        count=None,
    )


def _reach(thickness: float, step: float) -> int:
    return int((thickness / 2 + NEAR_MM) / step)


def _number(wish: SlabWish, count: int) -> int:
    number = (count + 1) // 2 if wish.number is None else wish.number
    if not 1 <= number <= count:
        raise no_such_plane(number, count)
    return number


def _corners(stack: Stack) -> Floats:
    """Return the centres of the four corner pixels of every slice."""
    first = stack.slices[0]
    height, width = (first.rows - 1) * stack.spacing[0], (first.columns - 1) * stack.spacing[1]
    origins = (
        np.outer(stack.first_column, stack.row)
        + np.outer(stack.first_row, stack.column)
        + np.outer(stack.along, stack.normal)
    )
    offsets = [0 * stack.row, width * stack.row, height * stack.column, width * stack.row + height * stack.column]
    return np.concatenate([origins + offset for offset in offsets])


def _checked(plane: SampledPlane) -> SampledPlane:
    if max(plane.rows, plane.columns) > LARGEST_SIDE:
        raise SlabNotPossible("too_large", f"a plane of {plane.rows} × {plane.columns} is larger than what is made")
    if plane.rows * plane.columns * (2 * plane.reach + 1) > _MOST_SAMPLES:
        raise SlabNotPossible("too_large", "so thick a slab of so large a plane takes too long")
    return plane
