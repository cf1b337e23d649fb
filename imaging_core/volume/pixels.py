"""From the values of a slab to stored pixels with their rescale, and the attributes that describe them."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging_core.dicom.syntaxes import HTJ2K_LOSSLESS_RPCL
from imaging_core.errors import SlabNotPossible
from imaging_core.volume.planes import NativePlane, SampledPlane
from imaging_core.volume.projection import Projection
from imaging_core.volume.stack import Floats, Stack
from imaging_core.volume.wish import Mode, SlabWish

Json = dict[str, Any]

ROUNDING: Final = 0.5 + 2**-10
"""Values are rounded by floor(x + this): above a half, so that a tie does not depend on the last bit of a sum."""
_LEVELS: Final = 65_534
_TYPES: Final = (np.dtype("u1"), np.dtype("i2"), np.dtype("u2"), np.dtype("i4"))


def stored_pixels(stack: Stack, projection: Projection) -> tuple[NDArray[Any], Json]:
    """Return stored pixels, and the attributes that say what they mean.

    Slices with one rescale keep it, and stored values are what was put together. Slices with several are put together
    after rescale; the result is spread over 16 bits, so it is exact to half of the new slope.
    """
    known, first = projection.known, stack.slices[0]
    if not known.any():
        raise SlabNotPossible("no_such_plane", "the plane does not meet the series")
    whole = bool(known.all())
    if stack.same_rescale:
        slope, intercept = first.slope, first.intercept
        values = np.floor(np.where(known, projection.values, 0) + ROUNDING)
        low, high = float(values[known].min()), float(values[known].max())
        padding = None if whole else int(low) - 1
    else:
        low, high = float(projection.values[known].min()), float(projection.values[known].max())
        slope = (high - low) / _LEVELS or 1.0
        intercept = low - slope
        values = np.floor((np.where(known, projection.values, low) - intercept) / slope + ROUNDING)
        low, high = 1.0, _LEVELS + 1.0
        padding = None if whole else 0
    if padding is not None:
        values[~known] = padding
    pixels = values.astype(_type(stack, low if padding is None else min(low, padding), high))
    return pixels, _numbers(pixels, slope, intercept, padding)


def described(
    stack: Stack, plane: NativePlane | SampledPlane, wish: SlabWish, projection: Projection, about_pixels: Json
) -> tuple[Json, Json]:
    """Return the DICOM JSON of a slab, and what is known of how it was made."""
    middle = stack.slices[plane.slice_index] if isinstance(plane, NativePlane) else stack.slices[len(stack.slices) // 2]
    if isinstance(plane, NativePlane):
        origin, row, column = list(middle.origin), list(map(float, stack.row)), list(map(float, stack.column))
        spacing = list(stack.spacing)
    else:
        origin, row, column = (
            list(map(float, plane.origin)),
            list(map(float, plane.row)),
            list(map(float, plane.column)),
        )
        spacing = [plane.spacing, plane.spacing]
    kind = {Mode.MIP: "MAX_IP", Mode.MINIP: "MIN_IP", Mode.AVGIP: "MEAN_IP"}[wish.mode]
    metadata = {
        **middle.description,
        # PS3.3 C.8.16.1: the fourth value says how the pixels were derived
        "00080008": _value("CS", "DERIVED", "SECONDARY", "MPR", kind),
        "00180050": _value("DS", wish.thickness),
        "00200032": _value("DS", *origin),
        "00200037": _value("DS", *row, *column),
        "00280030": _value("DS", *spacing),
        **about_pixels,
    }
    used = stack.slices[projection.first_slice : projection.last_slice + 1]
    told: Json = {
        "mode": wish.mode.value,
        "thickness": wish.thickness,
        "number": plane.number,
        "count": plane.count,
        "interpolated": isinstance(plane, SampledPlane) or stack.sheared,
        "step": plane.step if isinstance(plane, SampledPlane) else None,
        "slices": len(used),
        "frames": [[item.sop_instance_uid, item.frame_number] for item in used],
        "complete": projection.complete,
        "missing": [[low, high] for low, high in stack.holes],
        "normal": list(map(float, stack.normal)),
    }
    return dict(sorted(metadata.items())), told


def _numbers(pixels: NDArray[Any], slope: float, intercept: float, padding: int | None) -> Json:
    bits, signed = pixels.dtype.itemsize * 8, int(pixels.dtype.kind == "i")
    about: Json = {
        "00080016": _value("UI", "1.2.840.10008.5.1.4.1.1.7"),
        "00083002": _value("UI", HTJ2K_LOSSLESS_RPCL),
        "00280002": _value("US", 1),
        "00280010": _value("US", pixels.shape[0]),
        "00280011": _value("US", pixels.shape[1]),
        "00280100": _value("US", bits),
        "00280101": _value("US", bits),
        "00280102": _value("US", bits - 1),
        "00280103": _value("US", signed),
        "00281052": _value("DS", intercept),
        "00281053": _value("DS", slope),
    }
    if padding is not None:
        about["00280120"] = _value("SS" if signed else "US", padding)
    return about


def _type(stack: Stack, low: float, high: float) -> np.dtype[Any]:
    for dtype in (*([stack.dtype] if stack.same_rescale else []), *_TYPES):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    raise SlabNotPossible("bad_rescale", "the values need more than 32 bits")


def _value(vr: str, *values: object) -> Json:
    return {"vr": vr, "Value": list(values)}


def values_of(pixels: NDArray[Any], metadata: Json) -> Floats:
    """Return the rescaled values of a slab."""
    slope, intercept = metadata["00281053"]["Value"][0], metadata["00281052"]["Value"][0]
    values: Floats = pixels.astype(np.float64) * slope + intercept
    return values
