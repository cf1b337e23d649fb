"""From stored values to eight-bit pictures: modality LUT, VOI LUT, polarity, palette, colour space.

PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.9 (palette). The rounding rule is one for server and page:
y = floor(255 · t + 0.5) for t in 0…1.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi, convert_color_space

from imaging_core.dicom.frames import DecodedFrame, Pixels
from imaging_core.dicom.overlays import overlay_of_frame

Picture = NDArray[np.uint8]
"""rows × columns (grey) or rows × columns × 3 (RGB)."""

_LARGEST_TABLE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window (窗宽窗位) in rescaled values; `function` is LINEAR, LINEAR_EXACT or SIGMOID."""

    center: float
    width: float
    function: str = "LINEAR"


def window_levels(values: NDArray[np.float64], window: Window) -> Picture:
    """Return grey levels 0…255 of rescaled values.

    Linear: PS3.3 C.11.2.1.2.1; exact: C.11.2.1.3.2; sigmoid: C.11.2.1.3.1. Width below 1 counts as 1 (linear).

    >>> window_levels(np.array([-161.0, -160.0, 39.5, 239.0, 240.0]), Window(40, 400)).tolist()
    [0, 0, 128, 255, 255]
    """
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        t = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -500, 500)))
    elif window.function == "LINEAR_EXACT":
        t = (values - center) / width + 0.5
    elif width <= 1:
        t = (values > center - 0.5).astype(np.float64)
    else:
        t = (values - (center - 0.5)) / (width - 1) + 0.5
    levels: Picture = np.floor(255 * np.clip(t, 0, 1) + 0.5).astype(np.uint8)
    return levels


def to_picture(frame: DecodedFrame, dataset: Dataset, *, window: Window | None = None) -> Picture:
    """Return one frame as it looks at the default window, or at another; colour has none."""
    if frame.photometric_interpretation == "PALETTE COLOR":
        return _palette(frame.pixels, dataset)
    if frame.photometric_interpretation == "YBR_FULL":
        return _eight_bits(convert_color_space(frame.pixels, "YBR_FULL", "RGB"))
    if frame.photometric_interpretation == "RGB":
        return _eight_bits(frame.pixels, int(dataset.get("BitsStored") or 8))
    return _grey(frame, dataset, window)


def with_overlays(picture: Picture, frame: DecodedFrame, dataset: Dataset) -> Picture:
    """Return a picture with the instance's drawings over it, white."""
    drawn = overlay_of_frame(dataset, frame.frame_index)
    if drawn is None or not drawn.any():
        return picture
    covered = picture.copy()
    covered[drawn] = 255
    return covered


def default_window(dataset: Dataset, frame_index: int = 0) -> Window | None:
    """Return the first window that the instance (or this frame of it) names, None when it names none."""
    source = _functional(dataset, frame_index, "FrameVOILUTSequence") or dataset
    center, width = _first(source.get("WindowCenter")), _first(source.get("WindowWidth"))
    if center is None or width is None or width <= 0:
        return None
    return Window(center, width, str(source.get("VOILUTFunction") or "LINEAR"))


def rescale(values: NDArray[Any], dataset: Dataset, frame_index: int = 0) -> NDArray[np.float64]:
    """Return stored values as the modality means them, for example in Hounsfield units."""
    source = _functional(dataset, frame_index, "PixelValueTransformationSequence") or dataset
    if "RescaleSlope" not in source and dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(values, dataset), dtype=np.float64)
    slope, intercept = _first(source.get("RescaleSlope")), _first(source.get("RescaleIntercept"))
    return values.astype(np.float64) * (1.0 if slope is None else slope) + (intercept or 0.0)


def _palette(indices: Pixels, dataset: Dataset) -> Picture:
    colours = apply_color_lut(indices, dataset)
    if colours.dtype == np.uint8:
        return np.asarray(colours, dtype=np.uint8)
    entries, first, _ = (int(part) for part in dataset.RedPaletteColorLookupTableDescriptor)
    table = apply_color_lut(np.arange(first, first + (entries or 1 << 16)).clip(0).astype(np.uint16), dataset)
    # many 16-bit palettes hold 8-bit entries: told by the whole table, not by the colours of one frame
    return np.asarray(colours >> (8 if int(table.max()) > 255 else 0), dtype=np.uint8)


def _grey(frame: DecodedFrame, dataset: Dataset, window: Window | None) -> Picture:
    stored = frame.pixels
    if stored.dtype.kind == "f":
        stored = np.nan_to_num(stored, nan=float(np.nanmin(stored)) if np.isfinite(stored).any() else 0.0)
        return _shown(_levels(stored, stored, frame.frame_index, dataset, window), frame, dataset)
    low, high = int(stored.min()), int(stored.max())
    if high - low < _LARGEST_TABLE:
        # a table over the values that occur is exact and much faster than the formula on every pixel
        table = _levels(np.arange(low, high + 1, dtype=stored.dtype), stored, frame.frame_index, dataset, window)
        levels: Picture = table[stored.astype(np.int64) - low if low else stored]
    else:
        levels = _levels(stored, stored, frame.frame_index, dataset, window)
    return _shown(levels, frame, dataset)


def _shown(levels: Picture, frame: DecodedFrame, dataset: Dataset) -> Picture:
    inverted = frame.photometric_interpretation == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE"
    return 255 - levels if inverted else levels


def _levels(values: NDArray[Any], stored: Pixels, frame_index: int, dataset: Dataset, window: Window | None) -> Picture:
    lut = dataset.get("VOILUTSequence")
    if lut and window is None:
        modality = np.asarray(apply_modality_lut(values, dataset))
        bits = int(lut[0].LUTDescriptor[2])
        looked_up = np.asarray(apply_voi(modality.astype(np.int64), dataset), dtype=np.float64)
        return np.floor(255 * np.clip(looked_up / ((1 << bits) - 1), 0, 1) + 0.5).astype(np.uint8)
    window = window or default_window(dataset, frame_index) or _fitting_window(stored, frame_index, dataset)
    return window_levels(rescale(values, dataset, frame_index), window)


def _fitting_window(stored: Pixels, frame_index: int, dataset: Dataset) -> Window:
    """Return a window for an instance that names none: all of 8-bit pictures, else the middle 98 % of values."""
    if stored.dtype == np.uint8 and dataset.get("BitsAllocated") == 8:
        bits = dataset.get("BitsStored")
        ends = rescale(np.array([0, (1 << bits) - 1 if bits in range(1, 8) else 255]), dataset, frame_index)
    else:
        padding = dataset.get("PixelPaddingValue")
        counted = stored if padding is None else stored[stored != padding]
        ends = rescale(np.percentile(counted if counted.size else stored, [1, 99]), dataset, frame_index)
    low, high = float(ends.min()), float(ends.max())
    return Window((low + high) / 2 + 0.5, max(high - low + 1, 1))


def _eight_bits(pixels: NDArray[Any], bits: int = 8) -> Picture:
    if pixels.dtype == np.uint8:
        return pixels if bits == 8 else (pixels.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    return (pixels >> max(bits - 8, 0)).astype(np.uint8)


def _functional(dataset: Dataset, frame_index: int, macro: str) -> Dataset | None:
    """Return the item of a functional group macro for a frame (PS3.3 C.7.6.16): per frame, else shared."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    for group in (
        groups[frame_index] if groups and frame_index < len(groups) else None,
        next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), None),
    ):
        if group is not None and group.get(macro):
            return group[macro].value[0]
    return None


def _first(value: Any) -> float | None:  # noqa: ANN401  # an attribute of a foreign file is anything
    if value is None or value == "":
        return None
    try:
        return float(value if isinstance(value, int | float | str) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
