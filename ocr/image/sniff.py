"""What the bytes are, whatever the file is called."""

from enum import StrEnum

from ocr.errors import PictureRefused
from ocr.types import Refusal


class FileType(StrEnum):
    """File types that are read; the value is Pillow's name where Pillow reads it."""

    JPEG = "JPEG"
    PNG = "PNG"
    PDF = "PDF"


_OTHER_PICTURES = (
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"RIFF",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
    b"8BPS",
)
_HEIF_BRANDS = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif")


def sniff(data: bytes) -> FileType:
    """Return the type the first bytes tell.

    Raises:
        PictureRefused: For everything that is not JPEG, PNG or PDF.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return FileType.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileType.PNG
    if b"%PDF-" in data[:1024]:  # readers accept junk before the header, and hospital printers write it
        return FileType.PDF
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        raise PictureRefused(Refusal.HEIC)
    if data.startswith(_OTHER_PICTURES):
        raise PictureRefused(Refusal.OTHER_PICTURE_TYPE)
    raise PictureRefused(Refusal.NOT_A_PICTURE)
