"""One frame as a picture by the parameters of PS3.18 8.3.5. Runs in the limited child process."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from PIL import Image

from imaging_core.dicom.frames import Dataset, DecodedFrame, decode_frames
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.presentation import arranged, prepared
from imaging_core.dicom.voi import Picture, Window, to_picture, with_overlays
from imaging_core.errors import PixelsNotReadable

LARGEST_SIDE: Final = 16_384
_QUALITY: Final = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What a picture should be like.

    `viewport` is width and height the picture must fit in; `region` the part of the image to show: left, top, width,
    height in its pixels, None where the rest is meant, negative sizes turn it over (PS3.18 8.3.5.1.3).
    """

    frame_number: int = 1
    media_type: str = "image/jpeg"
    quality: int = _QUALITY
    window: Window | None = None
    viewport: tuple[int, int] | None = None
    region: Sequence[int | None] = (None, None, None, None)
    enlarge: bool = True
    """Whether a small image is made as large as the viewport; a thumbnail is not."""


def rendered(dataset: Dataset, wish: Rendition, limits: Limits, presentation: dict[str, Any] | None = None) -> bytes:
    """Return the picture, as a presentation state has it when there is one.

    Raises:
        PixelsNotReadable: The frame cannot be decoded, or there is no such region.
    """
    frame = next(iter(decode_frames(dataset, limits, first=wish.frame_number - 1, last=wish.frame_number)))
    if not isinstance(frame, DecodedFrame):
        raise frame[1]
    try:
        image = Image.fromarray(_shown(frame, dataset, wish, presentation))
        image = _in_viewport(_region(image, wish.region), wish)
    except (MemoryError, PixelsNotReadable):
        raise
    except Exception as error:
        raise PixelsNotReadable("no_preview", f"no picture can be made: {type(error).__name__}") from error
    out = BytesIO()
    if wish.media_type == "image/png":
        image.save(out, "PNG", compress_level=3)
        return out.getvalue()
    return bytes(imagecodecs.jpeg8_encode(np.asarray(image), level=wish.quality))


def _shown(frame: DecodedFrame, dataset: Dataset, wish: Rendition, presentation: dict[str, Any] | None) -> Picture:
    if presentation is None:
        return with_overlays(to_picture(frame, dataset, window=wish.window), frame, dataset)
    frame = prepared(dataset, frame, presentation)
    picture = with_overlays(to_picture(frame, dataset, window=wish.window), frame, dataset)
    return arranged(picture, dataset, frame, presentation)


def _region(image: Image.Image, region: Sequence[int | None]) -> Image.Image:
    if all(part is None for part in region):
        return image
    left, top = region[0] or 0, region[1] or 0
    width = image.width - left if region[2] is None else region[2]
    height = image.height - top if region[3] is None else region[3]
    right, bottom = left + abs(width), top + abs(height)
    if not (0 <= left < right <= image.width and 0 <= top < bottom <= image.height):
        raise PixelsNotReadable("no_such_region", "the viewport's region lies outside the image")
    image = image.crop((left, top, right, bottom))
    if width < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if height < 0 else image


def _in_viewport(image: Image.Image, wish: Rendition) -> Image.Image:
    if wish.viewport is None:
        return image
    scale = min(wish.viewport[0] / image.width, wish.viewport[1] / image.height)
    if scale == 1 or (scale > 1 and not wish.enlarge):
        return image
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
