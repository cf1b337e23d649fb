"""The form of a segment: a file mark, then records one after another.

A record is a head of 56 bytes, what is said about the content (JSON), the content itself and zeros up to a multiple of
eight. Head, little endian: mark "MYrecord", length of the content (8), its SHA-256 (32), length of what is said about
it (4), CRC-32 of all before and of what is said (4). A reader who hops from head to head meets every record, and
notices where a write was cut off.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

FILE_MARK: Final = b"MINGYING SEGMENT 1\n".ljust(32, b"\0")
FILE: Final = "file"
"""In what is said of a record without content: the digest of the file that holds the bytes."""
_MARK: Final = b"MYrecord"
_FIELDS: Final = struct.Struct("<8sQ32sI")
_CRC: Final = struct.Struct("<I")
_HEAD_BYTES: Final = _FIELDS.size + _CRC.size
_MOST_ABOUT: Final = 64 * 1024
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a segment: where its content lies, and what was said about it."""

    digest: str
    offset: int
    size: int
    about: bytes
    end: int
    """Where the next record begins."""


def head_of(digest: bytes, size: int, about: bytes) -> bytes:
    """Return what is written before a content of this SHA-256 and size."""
    if len(about) > _MOST_ABOUT:
        raise ValueError(f"more than {_MOST_ABOUT} bytes about a blob")
    fields = _FIELDS.pack(_MARK, size, digest, len(about))
    return fields + _CRC.pack(zlib.crc32(about, zlib.crc32(fields))) + about


def padding(length: int) -> bytes:
    """Return the zeros after a record whose parts so far are `length` bytes."""
    return b"\0" * (-length % 8)


def walk(file: BinaryIO, size: int, *, check_contents: bool = False) -> Iterator[Record]:
    """Yield the whole records of a segment of `size` bytes; end at the first that is cut off or damaged.

    With `check_contents` the contents are hashed too, which reads all of the file.
    """
    file.seek(0)
    if file.read(len(FILE_MARK)) != FILE_MARK:
        return
    for record in _walk_from(file, len(FILE_MARK), size):
        if check_contents and not is_undamaged(file, record):
            return
        yield record


def salvage(file: BinaryIO, size: int) -> Iterator[Record]:
    """Yield every whole record of a segment, those behind a damaged head too: what is lost is that record alone."""
    end = 0
    while True:
        for record in _walk_from(file, end or len(FILE_MARK), size):
            yield record
            end = record.end
        behind = first_whole(file, end or len(FILE_MARK), size) if end < size else None
        if behind is None:
            return
        yield behind
        end = behind.end


def _walk_from(file: BinaryIO, at: int, size: int) -> Iterator[Record]:
    while record := _record_at(file, at, size):
        yield record
        at = record.end


def first_whole(file: BinaryIO, at: int, size: int) -> Record | None:
    """Return the first whole record that begins behind `at`: if there is one, what lies there is no torn end."""
    start = at + 1
    while start < size:
        file.seek(start)
        piece = file.read(_PIECE + len(_MARK))
        found = piece.find(_MARK)
        if found < 0:
            start += _PIECE
            continue
        record = _record_at(file, start + found, size)
        if record is not None and is_undamaged(file, record):
            return record
        start += found + 1
    return None


def is_undamaged(file: BinaryIO, record: Record) -> bool:
    """Return whether the content of a record is what its head says."""
    return _hash(file, record) == record.digest


def _record_at(file: BinaryIO, at: int, size: int) -> Record | None:
    file.seek(at)
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return None
    mark, length, digest, about_length = _FIELDS.unpack_from(head)
    if mark != _MARK or about_length > _MOST_ABOUT:
        return None
    about = file.read(about_length)
    (crc,) = _CRC.unpack_from(head, _FIELDS.size)
    if zlib.crc32(about, zlib.crc32(head[: _FIELDS.size])) != crc:
        return None
    offset = at + _HEAD_BYTES + about_length
    end = offset + length + len(padding(_HEAD_BYTES + about_length + length))
    return Record(digest.hex(), offset, length, about, end) if end <= size else None


def _hash(file: BinaryIO, record: Record) -> str:
    sha = hashlib.sha256()
    file.seek(record.offset)
    left = record.size
    while left and (piece := file.read(min(left, _PIECE))):
        sha.update(piece)
        left -= len(piece)
    return sha.hexdigest()
