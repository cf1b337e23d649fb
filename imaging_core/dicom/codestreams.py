"""Sizes that compressed frames declare about themselves, read before a decoder allocates by them."""

import struct
from typing import Final

_ITEM: Final = b"\xfe\xff\x00\xe0"
# ISO/IEC 10918-1 B.2.2 and 14495-1: start of frame, whatever the process; C4, C8 and CC are other markers
_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})


def declared_size(encapsulated: bytes) -> tuple[int, int] | None:
    """Return rows and columns that the first JPEG, JPEG-LS or JPEG 2000 frame declares.

    `encapsulated` is the beginning of Pixel Data, with the basic offset table. None when the frame is of
    another kind or its marker lies beyond these bytes.
    """
    if encapsulated[:4] != _ITEM or len(encapsulated) < 16:
        return None
    start = 8 + int.from_bytes(encapsulated[4:8], "little") + 8
    frame = encapsulated[start:]
    if frame[:4] == b"\xff\x4f\xff\x51":
        return _jpeg_2000(frame)
    if frame[4:8] == b"jP  ":
        at = frame.find(b"\xff\x4f\xff\x51")
        return _jpeg_2000(frame[at:]) if at > 0 else None
    return _jpeg(frame) if frame[:2] == b"\xff\xd8" else None


def _jpeg_2000(frame: bytes) -> tuple[int, int] | None:
    # ISO/IEC 15444-1 A.5.1: SIZ is the first segment
    if len(frame) < 24:
        return None
    width, height, left, top = struct.unpack_from(">4L", frame, 8)
    return height - top, width - left


def _jpeg(frame: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker in _START_OF_FRAME:
            rows, columns = struct.unpack_from(">2H", frame, at + 5)
            return rows, columns
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None
