"""Reading the attributes of a stored instance: everything but its pixels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO, Final, cast

from imaging_core.blobs import BlobFile, BlobStore
from imaging_core.dicom.header import read_header
from imaging_core.dicom.json_model import BulkValue, DatasetBytes, JsonModel, json_model, little_endian
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.source import InflatedSource
from imaging_core.dicom.syntaxes import encoding_of
from imaging_core.errors import DamagedDicom, LimitExceeded
from imaging_core.retrieve.content import Content
from imaging_core.retrieve.finding import Found

_PLACE: Final = ("pixel_offset", "pixel_length", "bits_allocated", "samples_per_pixel")
_REMEMBERED: Final = 1024
_WHOLE: Final = 64 * 1024 * 1024
"""Instances whose pixels have no known place are read whole up to this size; inflated ones, too."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one instance, and how to read a value that is not among them, its words in little endian."""

    model: JsonModel
    read: Callable[[BulkValue], bytes]


class AttributeReader:
    """Reads attributes. Threads may share it."""

    def __init__(self, content: Content, blobs: BlobStore, limits: Limits) -> None:
        self._content = content
        self._blobs = blobs
        self._limits = limits
        self._located: dict[str, Found] = {}

    def located(self, found: Found) -> Found:
        """Return the instance with the place of its pixels, looked up in its bytes where the index does not know it."""
        if found.pixel_offset is not None or not found.number_of_frames:
            return found
        if encoding_of(found.transfer_syntax_uid).deflated:
            return found
        known = self._located.get(found.blob.digest)
        if known is not None:
            return replace(found, **{name: getattr(known, name) for name in _PLACE})
        header = read_header(cast(BinaryIO, BlobFile(self._blobs, found.blob)), found.blob.size, self._limits)
        if header.pixels is None:
            return found
        if len(self._located) >= _REMEMBERED:
            self._located.clear()
        self._located[found.blob.digest] = located = replace(
            found,
            pixel_offset=header.pixels.offset,
            pixel_length=header.pixels.length,
            bits_allocated=header.bits_allocated,
            samples_per_pixel=header.samples_per_pixel,
        )
        return located

    def attributes(self, found: Found, *, address: str) -> Attributes:
        """Return the attributes of an instance; `address` + path leads to a value that is not among them.

        Raises:
            BlobMissing: The bytes are not there.
            DamagedDicom: They cannot be read.
            LimitExceeded: They are too many, or too deeply nested.
        """
        located = self.located(found)
        if located.pixel_offset is None:
            return self._of_whole(located, address)
        end = located.pixel_offset + (located.pixel_length or 0)
        before = self._content.read(located.blob, 0, located.pixel_offset)
        rest = located.blob.size - end
        after = self._content.read(located.blob, end, rest) if 0 < rest <= _WHOLE else b""
        start = find_start(BytesIO(before), len(before), self._limits)
        encoding = encoding_of(start.transfer_syntax_uid)
        dataset = DatasetBytes(
            before=before,
            start=start.dataset_offset,
            explicit_vr=start.explicit_vr,
            little_endian=encoding.little_endian,
            after=after,
            after_offset=end,
        )
        model = json_model(dataset, self._limits, address=address)

        def read(value: BulkValue) -> bytes:
            raw = self._content.read(located.blob, value.offset, value.length)
            return little_endian(raw, value.vr, encoding.little_endian)

        return Attributes(model, read)

    def _of_whole(self, found: Found, address: str) -> Attributes:
        if found.blob.size > _WHOLE:
            raise LimitExceeded("bytes read for attributes", allowed=_WHOLE, found=found.blob.size)
        raw = self._content.read(found.blob, 0, found.blob.size)
        file = BytesIO(raw)
        start = find_start(file, len(raw), self._limits)
        encoding = encoding_of(start.transfer_syntax_uid)
        at = start.dataset_offset
        if encoding.deflated:
            raw, at = _inflated(file, at, self._limits), 0
        dataset = DatasetBytes(
            before=raw, start=at, explicit_vr=start.explicit_vr, little_endian=encoding.little_endian
        )
        model = json_model(dataset, self._limits, address=address)

        def read(value: BulkValue) -> bytes:
            return little_endian(raw[value.offset : value.offset + value.length], value.vr, encoding.little_endian)

        return Attributes(model, read)


def _inflated(file: BytesIO, start: int, limits: Limits) -> bytes:
    file.seek(start)
    data = InflatedSource(file, replace(limits, inflated_bytes=_WHOLE)).read(_WHOLE)
    if not data:
        raise DamagedDicom("bad_deflate", "the deflated data set is empty")
    return data
