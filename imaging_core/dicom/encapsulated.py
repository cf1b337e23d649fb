"""Encapsulated PDF documents (PS3.3 A.45.1): their bytes, and their pages as pictures. Only in the limited child."""

import math
from io import BytesIO
from typing import Final

import pypdfium2 as pdfium
from pydicom.dataset import Dataset

from imaging_core.errors import PixelsNotReadable

PDF_CLASS: Final = "1.2.840.10008.5.1.4.1.1.104.1"
_DOTS_PER_INCH: Final = 150
_LARGEST_SIDE: Final = 4096
_MOST_PAGES: Final = 2000


def pdf_of(dataset: Dataset) -> bytes:
    """Return the document as it was received, without the padding of its element.

    Raises:
        PixelsNotReadable: The instance holds none.
    """
    content = dataset.get("EncapsulatedDocument")
    if not isinstance(content, bytes) or b"%PDF-" not in content[:1024]:
        raise PixelsNotReadable("no_pdf", "the instance holds no PDF document")
    length = dataset.get("EncapsulatedDocumentLength")
    return content[:length] if isinstance(length, int) and 0 < length <= len(content) else content


def number_of_pages(dataset: Dataset) -> int:
    """Return how many pages the document has. Raises as `page_picture`."""
    with _opened(dataset) as document:
        return len(document)


def page_picture(dataset: Dataset, number: int) -> bytes:
    """Return a page, counted from 1, as PNG of 150 dots an inch, smaller where it would be larger than 4096 pixels.

    Raises:
        PixelsNotReadable: The document cannot be opened, is protected, or has no such page.
    """
    with _opened(dataset) as document:
        if not 1 <= number <= len(document):
            raise PixelsNotReadable("no_such_page", f"page {number} of {len(document)}")
        try:
            page = document[number - 1]
            width, height = page.get_size()
            if not (0 < width < math.inf and 0 < height < math.inf):
                raise PixelsNotReadable("bad_pdf", "the page has no size")
            scale = min(_DOTS_PER_INCH / 72, _LARGEST_SIDE / max(width, height))
            out = BytesIO()
            page.render(scale=scale, may_draw_forms=True).to_pil().save(out, "PNG", compress_level=3)
        except pdfium.PdfiumError as error:
            raise PixelsNotReadable("bad_pdf", "the page cannot be drawn") from error
        return out.getvalue()


def _opened(dataset: Dataset) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(pdf_of(dataset))
    except pdfium.PdfiumError as error:
        raise PixelsNotReadable("bad_pdf", "the PDF document is damaged or protected by a password") from error
    if len(document) > _MOST_PAGES:
        document.close()
        raise PixelsNotReadable("too_large", f"the document has more than {_MOST_PAGES} pages")
    return document
