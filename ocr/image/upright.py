"""Turning a page that was photographed sideways, and the boxes on it, so that people read it upright."""

import io

from PIL import Image

from ocr.types import Box

_TRANSPOSED = {
    90: Image.Transpose.ROTATE_270,  # Pillow counts anticlockwise
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def turn_picture(jpeg: bytes, degrees: int) -> bytes:
    """Return the JPEG turned clockwise by 0, 90, 180 or 270 degrees, without metadata."""
    if degrees == 0:
        return jpeg
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.transpose(_TRANSPOSED[degrees]).save(out, "JPEG", quality=88)
    return out.getvalue()


def turn_size(width: int, height: int, degrees: int) -> tuple[int, int]:
    """Return width and height of the turned page."""
    return (height, width) if degrees in {90, 270} else (width, height)


def turn_box(box: Box, degrees: int, width: int, height: int) -> Box:
    """Return where a box lies on the page turned clockwise; `width` and `height` are those before the turn.

    >>> turn_box(Box(10, 20, 5, 7), 90, 100, 200)
    Box(left=173, top=10, width=7, height=5, page=0)
    """
    right, bottom = box.left + box.width, box.top + box.height
    match degrees:
        case 90:
            return Box(height - bottom, box.left, box.height, box.width, box.page)
        case 180:
            return Box(width - right, height - bottom, box.width, box.height, box.page)
        case 270:
            return Box(box.top, width - right, box.height, box.width, box.page)
        case _:
            return box
