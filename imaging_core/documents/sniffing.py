"""What uploaded bytes are, by the bytes themselves, and whether they may be shown to a patient."""

import re
import zlib
from collections.abc import Iterator
from enum import StrEnum

from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused, RefusalReason

_MOST_PIXELS = 120_000_000
_MOST_INFLATED = 64 * 1024 * 1024
# ISO 32000-1 12.6.4: actions that run or start something; 7.11: embedded files; 12.7.8: XFA forms.
_ACTIVE_NAMES = (b"JavaScript", b"Launch", b"EmbeddedFile", b"EmbeddedFiles", b"RichMedia", b"XFA", b"SubmitForm")
_ACTIVE = re.compile(rb"/(" + b"|".join(_ACTIVE_NAMES) + rb")(?![A-Za-z0-9])")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
# ITU-T T.81 table B.1: frame headers, without the tables C4, C8 and CC
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


class MediaType(StrEnum):
    """What documents may be."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"


def checked_media_type(data: bytes) -> MediaType:
    """Return what the bytes are.

    Raises:
        DocumentTypeRefused: neither PDF nor JPG, damaged, encrypted, or with active content.
        DocumentTooLarge: more pixels, or more inflated bytes, than anyone needs.
    """
    if not data:
        raise DocumentTypeRefused(RefusalReason.EMPTY)
    # Readers accept junk before the header, ISO 32000-1 annex H; other file types could hide there.
    if data.startswith(b"%PDF-"):
        _check_pdf(data)
        return MediaType.PDF
    if data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(data)
        return MediaType.JPEG
    raise DocumentTypeRefused(RefusalReason.UNKNOWN_TYPE)


def _check_pdf(data: bytes) -> None:
    if b"%%EOF" not in data[-2048:]:
        raise DocumentTypeRefused(RefusalReason.DAMAGED)
    names = _without_escapes(data)
    if re.search(rb"/Encrypt(?![A-Za-z0-9])", names):
        raise DocumentTypeRefused(RefusalReason.ENCRYPTED)
    if _ACTIVE.search(names) or any(_ACTIVE.search(_without_escapes(content)) for content in _object_streams(data)):
        raise DocumentTypeRefused(RefusalReason.ACTIVE_CONTENT)


def _without_escapes(data: bytes) -> bytes:
    # ISO 32000-1 7.3.5: #xx inside a name stands for the byte xx.
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), data)


def _object_streams(data: bytes) -> Iterator[bytes]:
    """Yield the objects that are compressed together (ISO 32000-1 7.5.7), where names could hide."""
    allowed = _MOST_INFLATED
    for match in _STREAM.finditer(data):
        begin = max(data.rfind(b"obj", 0, match.start()), match.start() - 4096, 0)
        dictionary = _without_escapes(data[begin : match.start()])
        if b"/ObjStm" not in dictionary:
            continue
        if set(re.findall(rb"/\w*Decode\w*", dictionary)) - {b"/FlateDecode", b"/DecodeParms"}:
            # Looking inside would need every filter of PDF; nobody needs another one here.
            raise DocumentTypeRefused(RefusalReason.ACTIVE_CONTENT)
        content = _inflated(data, match.end(), allowed) if b"/FlateDecode" in dictionary else b""
        allowed -= len(content)
        yield content


def _inflated(data: bytes, begin: int, allowed: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data[begin:], allowed)
    except zlib.error:
        raise DocumentTypeRefused(RefusalReason.DAMAGED) from None
    if inflater.unconsumed_tail:
        raise DocumentTooLarge("inflated bytes", _MOST_INFLATED)
    return content


def _check_jpeg(data: bytes) -> None:
    width, height = _jpeg_size(data)
    if width * height > _MOST_PIXELS:
        raise DocumentTooLarge("pixels", _MOST_PIXELS)
    if width == 0 or height == 0 or b"\xff\xd9" not in data[-1024:]:
        raise DocumentTypeRefused(RefusalReason.DAMAGED)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height from the frame header (ITU-T T.81 B.2.2)."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _FRAME_MARKERS:
            return int.from_bytes(data[position + 7 : position + 9]), int.from_bytes(data[position + 5 : position + 7])
        length = int.from_bytes(data[position + 2 : position + 4])
        if length < 2:
            break
        position += 2 + length
    raise DocumentTypeRefused(RefusalReason.DAMAGED)
