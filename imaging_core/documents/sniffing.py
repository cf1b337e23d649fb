"""What uploaded bytes are, by the bytes themselves, and whether they may be shown to a patient."""

import re
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, Final

from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused, RefusalReason


class MediaType(StrEnum):
    """What documents may be."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    MP4 = "video/mp4"
    AECG = "application/x-hl7-aecg+xml"
    """HL7 v3 annotated ECG."""
    SCP_ECG = "application/x-scp-ecg"
    """EN 1064, ISO 11073-91064."""
    SLIDE = "image/x-whole-slide"
    """A picture in levels and tiles, as slide scanners write it."""


SHOWN: Final = frozenset({MediaType.PDF, MediaType.JPEG, MediaType.PNG, MediaType.MP4})
"""What a page shows as it is. Others have a reader of their own (`ecg_files`, `slides`)."""


_MOST_PIXELS = 120_000_000
_MOST_INFLATED = 64 * 1024 * 1024
# ISO 32000-1 12.6.4: actions that run or start something; 7.11: embedded files; 12.7.8: XFA forms.
_ACTIVE_NAMES = (b"JavaScript", b"Launch", b"EmbeddedFile", b"EmbeddedFiles", b"RichMedia", b"XFA", b"SubmitForm")
_ACTIVE = re.compile(rb"/(" + b"|".join(_ACTIVE_NAMES) + rb")(?![A-Za-z0-9])")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_PNG = b"\x89PNG\r\n\x1a\n"
_BEGINNINGS = {
    b"%PDF-": MediaType.PDF,
    b"\xff\xd8\xff": MediaType.JPEG,
    _PNG: MediaType.PNG,
    b"II*\0": MediaType.SLIDE,  # TIFF 6.0, and BigTIFF below; whether it is a slide is found by opening it
    b"MM\0*": MediaType.SLIDE,
    b"II+\0": MediaType.SLIDE,
    b"MM\0+": MediaType.SLIDE,
    b"ZISRAWFILE": MediaType.SLIDE,
}
_AECG = re.compile(rb"<(?:\w+:)?AnnotatedECG[\s>]")
_MOST_BOXES = 10_000
# ITU-T T.81 table B.1: frame headers, without the tables C4, C8 and CC
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def checked_media_type(data: bytes) -> MediaType:
    """Return what the bytes are.

    Raises:
        DocumentTypeRefused: neither PDF nor JPG nor PNG, damaged, encrypted, or with active content.
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
    if data.startswith(_PNG):
        _check_png(data)
        return MediaType.PNG
    raise DocumentTypeRefused(RefusalReason.UNKNOWN_TYPE)


def likely_media_type(beginning: bytes) -> MediaType | None:
    """Return what a file may be by its first kilobytes; None for what is no document. Nothing is checked."""
    for start, media_type in _BEGINNINGS.items():
        if beginning.startswith(start):
            return media_type
    if beginning[4:8] == b"ftyp":
        return MediaType.MP4
    if beginning[16:22] == b"SCPECG":  # EN 1064 5.3.3: in the header of section 0, after the file's own
        return MediaType.SCP_ECG
    if _AECG.search(beginning) and b"urn:hl7-org:v3" in beginning:
        return MediaType.AECG
    return None


def check_video(file: BinaryIO, size: int) -> None:
    """Walk the boxes of an MP4 (ISO/IEC 14496-12 4.2): they fill the file, and one of them is the movie.

    Raises:
        DocumentTypeRefused: They do not, so that the file is cut or is something else.
    """
    position, boxes, kinds = 0, 0, set[bytes]()
    while position < size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16])
        elif length == 0:
            length = size - position
        if len(head) < 8 or length < 8 or position + length > size or boxes > _MOST_BOXES:
            raise DocumentTypeRefused(RefusalReason.DAMAGED)
        kinds.add(kind)
        boxes += 1
        position += length
    if not {b"ftyp", b"moov"} <= kinds:
        raise DocumentTypeRefused(RefusalReason.DAMAGED)


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


def _check_png(data: bytes) -> None:
    """Walk the chunks (ISO/IEC 15948 5.3): the header first, the end last, nothing after it."""
    position, width, height = len(_PNG), 0, 0
    while position + 12 <= len(data):
        length, kind = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        if position == len(_PNG):
            width, height = (int.from_bytes(data[position + at : position + at + 4]) for at in (8, 12))
            if kind != b"IHDR" or width == 0 or height == 0:
                break
            if width * height > _MOST_PIXELS:
                raise DocumentTooLarge("pixels", _MOST_PIXELS)
        position += 12 + length
        if kind == b"IEND" and position == len(data):
            return
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
