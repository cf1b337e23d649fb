"""A slab as a picture at a window."""

from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from PIL import Image

from imaging_core.derive.encoding import decode_lossless
from imaging_core.dicom.voi import Window, window_levels
from imaging_core.volume.pixels import values_of
from imaging_core.volume.service import Slab

_QUALITY: Final = 90


def slab_picture(slab: Slab, media_type: str, window: Window | None = None) -> bytes:
    """Return a slab as image/jpeg or image/png, black where there is nothing.

    Without a window that of its middle slice, else the middle 98 % of its values.
    """
    pixels = decode_lossless(slab.codestream)
    padding = slab.metadata.get("00280120")
    known = pixels != padding["Value"][0] if padding else np.ones(pixels.shape, dtype=bool)
    values = values_of(pixels, slab.metadata)
    levels = window_levels(values, window or _window(slab.metadata) or _fitting(values[known]))
    shape = (slab.metadata.get("20500020") or {}).get("Value")
    if slab.metadata["00280004"]["Value"] == ["MONOCHROME1"] or shape == ["INVERSE"]:
        levels = 255 - levels
    levels[~known] = 0
    if media_type == "image/png":
        out = BytesIO()
        Image.fromarray(levels).save(out, "PNG", compress_level=3)
        return out.getvalue()
    return bytes(imagecodecs.jpeg8_encode(levels, level=_QUALITY))


def _window(metadata: dict[str, Any]) -> Window | None:
    center, width, function = (
        ((metadata.get(tag) or {}).get("Value") or [None])[0] for tag in ("00281050", "00281051", "00281056")
    )
    if center is None or width is None or not width > 0:
        return None
    return Window(float(center), float(width), function or "LINEAR")


def _fitting(values: np.ndarray) -> Window:
    low, high = (float(end) for end in np.percentile(values, [1, 99]))
    return Window((low + high) / 2 + 0.5, max(high - low + 1, 1))
