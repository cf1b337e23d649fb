"""Encoding of one frame: lossless HTJ2K, JPG preview, thumbnail. Runs in the child process."""

from io import BytesIO
from typing import Final

import imagecodecs
import numpy as np
from PIL import Image

from imaging_core.dicom.frames import Pixels
from imaging_core.dicom.voi import Picture
from imaging_core.errors import PixelsNotReadable

THUMBNAIL_PIXELS: Final = 128
_PREVIEW_QUALITY: Final = 85
_LARGEST_JPEG_SIDE: Final = 65_500


def encode_lossless(pixels: Pixels, *, rgb: bool) -> bytes:
    """Return an HTJ2K codestream (RPCL, tile-part per resolution, TLM: a prefix is a smaller picture).

    The codec knows no floating point numbers: of those the bits are coded, a double as two cells, so that the cells
    are the numbers' own bytes. It is decoded again and compared before it is returned.

    Raises:
        PixelsNotReadable: The codec did not give the same pixels back.
    """
    if pixels.dtype.kind == "f":
        pixels = pixels.view(np.uint32)
    codestream = bytes(
        imagecodecs.htj2k_encode(
            pixels,
            rgb=rgb if pixels.ndim == 3 else None,
            reversible=True,
            tlm=True,
            tilepart=imagecodecs.HTJ2K.TILEPART.RESOLUTIONS,
        )
    )
    if not np.array_equal(decode_lossless(codestream), pixels):
        raise PixelsNotReadable("not_bit_exact", "the lossless codec did not give the same pixels back")
    return codestream


def decode_lossless(codestream: bytes) -> Pixels:
    """Return the pixels of our own codestream, rows × columns (× 3)."""
    pixels: Pixels = imagecodecs.htj2k_decode(codestream)
    if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
        pixels = np.moveaxis(pixels, 0, 2)  # without colour transform the codec returns planes
    return pixels


def encode_preview(picture: Picture) -> bytes:
    """Return a JPG in full size."""
    if max(picture.shape[:2]) > _LARGEST_JPEG_SIDE:
        raise PixelsNotReadable("too_large_for_jpg", "a side is longer than JPG allows")
    return bytes(imagecodecs.jpeg8_encode(picture, level=_PREVIEW_QUALITY))


def encode_thumbnail(picture: Picture) -> bytes:
    """Return a JPG whose longer side is at most 128 pixels."""
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.BOX)
    out = BytesIO()
    image.save(out, "JPEG", quality=_PREVIEW_QUALITY)
    return out.getvalue()
