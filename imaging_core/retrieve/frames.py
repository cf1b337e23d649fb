"""Where the frames of an instance lie within its bytes, without decoding any of them."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imaging_core.dicom.syntaxes import EXPLICIT_VR_BIG_ENDIAN, VIDEO, is_native
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve.content import Content, ReadBytes
from imaging_core.retrieve.finding import Found

Span = tuple[int, int]
"""Offset and length within the bytes of the instance."""

_ITEM: Final = b"\xfe\xff\x00\xe0"
_END_OF_IMAGE: Final = b"\xff\xd9"
_PICTURE_CODECS: Final = "1.2.840.10008.1.2.4."
_LARGEST_TABLE: Final = 16 * 1024 * 1024
_REMEMBERED: Final = 100_000
"""Fragments."""


@dataclass(frozen=True, slots=True)
class StoredFrames:
    """The frames as they were received, each of one or more pieces."""

    frames: Sequence[Sequence[Span]]


class FramePlaces:
    """Where the frames of compressed instances lie, remembered by content. Threads may share it."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._known: OrderedDict[str, StoredFrames] = OrderedDict()
        self._spans = 0
        self._lock = threading.Lock()

    def known(self, found: Found) -> StoredFrames | None:
        """Return the places if they were looked up before; reads nothing."""
        return self._known.get(found.blob.digest)

    def look_up(self, found: Found) -> StoredFrames:
        """Return the places of the frames.

        Raises:
            PixelsNotReadable: They cannot be told apart.
            BlobMissing: The bytes are not there.
        """
        known = self.known(found)
        if known is not None:
            return known
        places = encapsulated_frames(found, self._content.reader(found.blob))
        with self._lock:
            if found.blob.digest not in self._known:
                self._known[found.blob.digest] = places
                self._spans += _count(places)
            while self._spans > _REMEMBERED and len(self._known) > 1:
                self._spans -= _count(self._known.popitem(last=False)[1])
        return places


def _count(places: StoredFrames) -> int:
    return sum(len(frame) for frame in places.frames)


def native_frame_bytes(found: Found) -> int | None:
    """Return the bytes of one frame of uncompressed pixels; None when they must be taken apart by the decoder.

    That is so when frames do not begin at a byte, words stand in big endian, or it is not known where they lie.
    """
    if found.pixel_offset is None or found.pixel_length is None or not found.number_of_frames:
        return None
    if not is_native(found.transfer_syntax_uid) or found.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        return None
    bits = found.rows * found.columns * (found.samples_per_pixel or 1) * (found.bits_allocated or 0)
    size = bits // 8
    # PS3.5 8.1.1: a value of odd length is padded
    if bits % 8 or size == 0 or not 0 <= found.pixel_length - size * found.number_of_frames <= 1:
        return None
    return size


def native_frame(found: Found, frame_number: int) -> Span | None:
    """Return where an uncompressed frame lies; None as above."""
    size = native_frame_bytes(found)
    if size is None or found.pixel_offset is None:
        return None
    return found.pixel_offset + (frame_number - 1) * size, size


def encapsulated_frames(found: Found, read: ReadBytes) -> StoredFrames:
    """Return where each compressed frame lies (PS3.5 A.4): one fragment each, or by offset table or end markers.

    Raises:
        PixelsNotReadable: The fragments cannot be told apart by frames.
    """
    if found.pixel_offset is None or found.pixel_length is None:
        raise PixelsNotReadable("unknown_place", "it is not known where the pixels lie")
    end = found.pixel_offset + found.pixel_length
    table, fragments = _fragments(found.pixel_offset, end, read)
    frames = found.number_of_frames
    if found.transfer_syntax_uid in VIDEO:
        raise PixelsNotReadable("video", "a video stream is delivered as received, not as frames")
    if len(fragments) == frames:
        return StoredFrames([[span] for span in fragments])
    if frames == 1:
        return StoredFrames([fragments])
    grouped = _by_table(table, fragments) if len(table) == frames else _by_marker(found, fragments, read)
    if len(grouped) != frames:
        raise PixelsNotReadable("fragments", f"{len(fragments)} fragments cannot be told apart into {frames} frames")
    return StoredFrames(grouped)


def all_fragments(found: Found, read: ReadBytes) -> Sequence[Span]:
    """Return where the fragments of a stream lie, without the offset table."""
    assert found.pixel_offset is not None and found.pixel_length is not None  # noqa: S101, PT018  # asked by the caller
    return _fragments(found.pixel_offset, found.pixel_offset + found.pixel_length, read)[1]


def _fragments(at: int, end: int, read: ReadBytes) -> tuple[Sequence[int], Sequence[Span]]:
    table: Sequence[int] = ()
    fragments: list[Span] = []
    first = True
    while end - at >= 8:
        head = read(at, 8)
        length, at = int.from_bytes(head[4:], "little"), at + 8
        if head[:4] != _ITEM or length > end - at:
            break
        if first and 0 < length <= _LARGEST_TABLE:
            raw = read(at, length)
            table = [int.from_bytes(raw[i : i + 4], "little") for i in range(0, length - 3, 4)]
        elif not first:
            fragments.append((at, length))
        first = False
        at += length
    return table, fragments


def _by_table(table: Sequence[int], fragments: Sequence[Span]) -> list[list[Span]]:
    """Group fragments by the basic offset table, which counts from the first item behind it."""
    starts, origin = set(table), fragments[0][0] - 8
    grouped: list[list[Span]] = []
    for offset, length in fragments:
        if offset - 8 - origin in starts:
            grouped.append([])
        if grouped:
            grouped[-1].append((offset, length))
    return grouped


def _by_marker(found: Found, fragments: Sequence[Span], read: ReadBytes) -> list[list[Span]]:
    """Group fragments by the marker that ends each picture: the same in JPEG, JPEG-LS and JPEG 2000."""
    if not found.transfer_syntax_uid.startswith(_PICTURE_CODECS):
        return []
    grouped: list[list[Span]] = [[]]
    for offset, length in fragments:
        grouped[-1].append((offset, length))
        tail = read(offset + max(length - 8, 0), min(length, 8))
        if tail.rstrip(b"\0").endswith(_END_OF_IMAGE):
            grouped.append([])
    return [group for group in grouped if group]
