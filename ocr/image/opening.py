"""From untrusted bytes to pages in memory: type, limits, decoding, EXIF orientation, working size.

The only importer of Pillow's decoders and of pdfium. Meant to run inside the reading process.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageOps, UnidentifiedImageError

from ocr.errors import PictureRefused
from ocr.image.arrays import RgbImage
from ocr.image.sniff import FileType, sniff
from ocr.limits import PictureLimits
from ocr.types import Refusal


@dataclass(frozen=True, slots=True)
class Page:
    """One page in memory. `width` and `height` are the full size after the EXIF turn, `image` is at working size."""

    image: RgbImage
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Full-size pixels for one working pixel."""
        return float(self.width / self.image.shape[1])


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages that are read, and how many a PDF holds beyond them."""

    pages: tuple[Page, ...]
    left_out: int = 0


def open_pages(data: bytes, limits: PictureLimits) -> Pages:
    """Decode a JPEG, PNG or PDF that stays within the limits.

    Raises:
        PictureRefused: Wrong type, over a limit, damaged or locked.
    """
    if len(data) > limits.bytes:
        raise PictureRefused(Refusal.TOO_MANY_BYTES, f"{len(data)} bytes")
    file_type = sniff(data)
    if file_type is FileType.PDF:
        return _open_pdf(data, limits)
    return Pages((_open_picture(data, file_type, limits),))


def clean_jpeg(page: Page, quality: int = 88) -> bytes:
    """Return the page at working size as a JPEG that carries no metadata."""
    out = io.BytesIO()
    Image.fromarray(page.image).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _open_picture(data: bytes, file_type: FileType, limits: PictureLimits) -> Page:
    with _damaged_becomes_refusal(), Image.open(io.BytesIO(data), formats=(file_type.value,)) as picture:
        _check_size(*picture.size, limits)
        turned_sides = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        full = picture.size[::-1] if turned_sides else picture.size
        factor = limits.working_side / max(picture.size)
        # a JPEG is decoded at half or quarter size where that is still large enough: less memory, less time
        if factor < 1 and file_type is FileType.JPEG:
            picture.draft("RGB", (round(picture.width * factor), round(picture.height * factor)))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((limits.working_side, limits.working_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return Page(_rgb(upright), *full)


@contextmanager
def _damaged_becomes_refusal() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks about odd EXIF blocks concern nobody here
            yield
    except Image.DecompressionBombError as error:
        raise PictureRefused(Refusal.TOO_MANY_PIXELS, str(error)) from error
    # Pillow's decoders raise all of these on damaged files
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
    ) as error:
        raise PictureRefused(Refusal.DAMAGED, str(error)) from error


def _check_size(width: int, height: int, limits: PictureLimits) -> None:
    if width * height > limits.pixels:
        raise PictureRefused(Refusal.TOO_MANY_PIXELS, f"{width}x{height}")
    if min(width, height) < 1 or max(width, height) > limits.aspect * min(width, height):
        raise PictureRefused(Refusal.TOO_NARROW, f"{width}x{height}")
    if min(width, height) < limits.shortest_side:
        raise PictureRefused(Refusal.TOO_SMALL, f"{width}x{height}")


def _rgb(picture: Image.Image) -> RgbImage:
    if picture.mode.startswith("I"):
        # 16-bit grey: Pillow would clip instead of scaling
        grey = (np.asarray(picture, dtype=np.int64).clip(0, 65535) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, layer)
    return np.array(picture.convert("RGB"))


def _open_pdf(data: bytes, limits: PictureLimits) -> Pages:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise PictureRefused(Refusal.LOCKED_PDF if locked else Refusal.DAMAGED, str(error)) from error
    try:
        count = len(document)
        if count == 0:
            raise PictureRefused(Refusal.DAMAGED, "no pages")
        read = min(count, limits.pdf_pages)
        return Pages(tuple(_render(document, index, limits) for index in range(read)), left_out=count - read)
    except pdfium.PdfiumError as error:
        raise PictureRefused(Refusal.DAMAGED, str(error)) from error
    finally:
        document.close()


def _render(document: pdfium.PdfDocument, index: int, limits: PictureLimits) -> Page:
    page = document[index]
    width, height = page.get_size()
    if not (width > 0 and height > 0) or max(width, height) > limits.aspect * min(width, height):
        raise PictureRefused(Refusal.TOO_NARROW, f"page of {width}x{height} points")
    # the vector page has no pixels of its own: render it so that the longest side has the working size
    bitmap = page.render(scale=min(limits.working_side, 2000) / max(width, height), rev_byteorder=True)
    image = np.array(bitmap.to_pil().convert("RGB"))
    bitmap.close()
    page.close()
    return Page(image, image.shape[1], image.shape[0])
