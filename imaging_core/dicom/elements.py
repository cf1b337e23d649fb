"""Walking the data elements of a file without keeping what nobody asked for.

Not pydicom: this reads what strangers send, in the serving process, before any limit was checked. It
allocates nothing by a declared length, recurses never and costs about a tenth of a millisecond.
"""

import struct
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from imaging_core.dicom.limits import Limits
from imaging_core.dicom.source import Source
from imaging_core.errors import DamagedDicom, LimitExceeded

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
PIXEL_TAGS: Final = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})
"""Pixel Data, Float Pixel Data, Double Float Pixel Data."""

# PS3.5 7.1.2: these have a 16-bit length; every other VR, also ones to come, has a 32-bit length
_SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


@dataclass(frozen=True, slots=True)
class PixelLocation:
    """Where the pixels lie: `offset` and `length` of the value in the data set as it was walked.

    Encapsulated pixels have `fragments`, the number of items after the basic offset table, and a
    `length` that includes item headers.
    """

    tag: int
    offset: int
    length: int
    fragments: int | None


@dataclass(slots=True)
class Scan:
    """Raw values of the wanted top-level attributes, and where the pixels lie."""

    values: dict[int, bytes] = field(default_factory=dict)
    pixels: PixelLocation | None = None


class ElementWalker:
    """Reads element headers of one encoding from a source."""

    def __init__(self, source: Source, *, explicit_vr: bool, little_endian: bool, limits: Limits) -> None:
        order = "<" if little_endian else ">"
        self._source = source
        self._explicit = explicit_vr
        self._limits = limits
        self._tag = struct.Struct(order + "HH")
        self._short = struct.Struct(order + "H")
        self._long = struct.Struct(order + "L")
        self._head = struct.Struct(order + ("HH2sH" if explicit_vr else "HHL"))
        self._seen = 0

    def scan(self, wanted: AbstractSet[int]) -> Scan:
        """Return the wanted attributes of the top level.

        Raises:
            DamagedDicom: The data set ends in the middle of an element or is no data set.
            LimitExceeded: Too many elements, too deep, or a wanted value is too long.
        """
        found = Scan()
        while True:
            self._scan_window(found, wanted)
            header = self._next()
            if header is None:
                return found
            tag, length = header
            if tag in PIXEL_TAGS:
                found.pixels = self._pixels(tag, length)
            elif length == UNDEFINED_LENGTH:
                self._skip_sequence()
            elif tag in wanted:
                found.values[tag] = self._value(length)
            else:
                self._skip(length)

    def _scan_window(self, found: Scan, wanted: AbstractSet[int]) -> None:
        """Take plain elements that lie in the source's window as a whole, which are nearly all, several times as fast.

        Stops before the first that is anything else, or wrong in any way: the slow way judges it.
        """
        window = self._source.window()
        position, size, left = 0, len(window), self._limits.elements - self._seen
        explicit, unpack = self._explicit, self._head.unpack_from
        while position + 8 <= size and left:
            if explicit:
                group, element, vr, length = unpack(window, position)
                if vr not in _SHORT_VRS:
                    break
            else:
                group, element, length = unpack(window, position)
            end = position + 8 + length
            tag = group << 16 | element
            if end > size or group == 0xFFFE or tag in PIXEL_TAGS:
                break
            if tag in wanted:
                if length > self._limits.text_bytes:
                    break
                found.values[tag] = window[position + 8 : end]
            position, left = end, left - 1
        self._seen = self._limits.elements - left
        self._source.skip(position)

    def scan_group(self, group: int) -> Scan:
        """Return all attributes of the group at the reader; stop before the next group."""
        found = Scan()
        while self._tag.size == len(ahead := self._source.peek(4)) and self._tag.unpack(ahead)[0] == group:
            header = self._next()
            if header is None or header[1] == UNDEFINED_LENGTH:
                raise DamagedDicom("bad_file_meta", "the file meta information cannot be read")
            found.values[header[0]] = self._value(header[1])
        return found

    def _next(self) -> tuple[int, int] | None:
        head = self._source.read(8)
        if not head:
            return None
        if len(head) < 8:
            if not head.strip(b"\0"):
                return None  # some writers pad the file with NULs
            raise DamagedDicom("truncated", "the file ends in the middle of an element")
        self._seen += 1
        if self._seen > self._limits.elements:
            raise LimitExceeded("data elements", allowed=self._limits.elements, found=self._seen)
        group, element = self._tag.unpack_from(head)
        tag = group << 16 | element
        if not self._explicit or group == 0xFFFE:
            return tag, self._long.unpack_from(head, 4)[0]
        return tag, self._explicit_length(head)

    def _explicit_length(self, head: bytes) -> int:
        vr = head[4:6]
        if vr in _SHORT_VRS:
            return int(self._short.unpack_from(head, 6)[0])
        if vr.isalpha() and vr.isupper():
            rest = self._source.read(4)
            if len(rest) < 4:
                raise DamagedDicom("truncated", "the file ends in the middle of an element")
            return int(self._long.unpack(rest)[0])
        if head == b"\0" * 8:
            raise DamagedDicom("not_a_data_set", "padding or foreign bytes stand where an element should begin")
        # some writers put single implicit elements into explicit data sets
        return int(self._long.unpack_from(head, 4)[0])

    def _value(self, length: int) -> bytes:
        if length > self._limits.text_bytes:
            raise LimitExceeded("bytes of an indexed attribute", allowed=self._limits.text_bytes, found=length)
        value = self._source.read(length)
        if len(value) < length:
            raise DamagedDicom("truncated", "the file ends in the middle of a value")
        return value

    def _skip(self, length: int) -> None:
        if self._source.skip(length) < length:
            raise DamagedDicom("truncated", "the file ends in the middle of a value")

    def _skip_sequence(self) -> None:
        """Pass over a sequence of undefined length; the levels are counted, not recursed into."""
        inside_item = [False]
        while inside_item:
            header = self._next()
            if header is None:
                raise DamagedDicom("truncated", "the file ends inside a sequence")
            tag, length = header
            if tag == (ITEM_END if inside_item[-1] else SEQUENCE_END):
                inside_item.pop()
            elif not inside_item[-1] and tag != ITEM:
                raise DamagedDicom("bad_sequence", f"element {tag:08X} stands where an item should begin")
            elif length == UNDEFINED_LENGTH:
                inside_item.append(not inside_item[-1])
                # each sequence counts twice: once for itself, once for its item
                if len(inside_item) > 2 * self._limits.sequence_depth:
                    raise LimitExceeded(
                        "sequence depth", allowed=self._limits.sequence_depth, found=len(inside_item) // 2
                    )
            else:
                self._skip(length)

    def _pixels(self, tag: int, length: int) -> PixelLocation:
        start = self._source.position
        if length != UNDEFINED_LENGTH:
            if self._source.skip(length) < length:
                raise DamagedDicom("truncated", "the file ends inside the pixel data")
            return PixelLocation(tag, start, length, None)
        items = 0
        while (header := self._next()) is not None and header[0] == ITEM and header[1] != UNDEFINED_LENGTH:
            if self._source.skip(header[1]) < header[1]:
                raise DamagedDicom("truncated", "the file ends inside a pixel fragment")
            items += 1
        if header is None or header[0] != SEQUENCE_END:
            raise DamagedDicom("truncated", "the pixel fragments do not end with a delimiter")
        return PixelLocation(tag, start, self._source.position - start, max(items - 1, 0))
