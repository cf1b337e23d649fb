"""The port of the blob stores, and what the adapters share."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from imaging_core.errors import InstanceTooLarge

CHUNK: Final = 1024 * 1024

IN_FLIGHT: Final = timedelta(hours=1)
"""Between bytes that are kept and the row that names them there is never as much time."""

BETWEEN: Final = "|"
"""Between the locators of a blob that lies in several stores."""

Bytes = bytes | bytearray | memoryview
About = Mapping[str, str]
"""What a lost index would need besides the bytes: for whom, from where and when they came. No personal data."""


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Names stored bytes.

    `digest` is their SHA-256 in hexadecimal. `locator` says where the store put them: only the store that gave it
    reads it, everyone else keeps it beside the digest.
    """

    digest: str
    size: int
    locator: str


@dataclass(frozen=True, slots=True)
class NewBlob:
    """An instance to keep: its bytes in parts, and what is said about it."""

    parts: Sequence[Bytes]
    about: About


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes that lie in a local file: for serving them without a copy. They stay there unchanged."""

    path: Path
    offset: int
    length: int


class BlobStore(Protocol):
    """Bytes named by their SHA-256, written once."""

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes up to the end of `content`; when this returns they survive a power loss.

        Putting the same bytes twice keeps one copy.

        Raises:
            InstanceTooLarge: There are more than `limit` bytes; nothing is kept.
            StorageFull: There is no room; nothing is kept.
        """
        ...

    def note(self, ref: BlobRef, about: About) -> None:
        """Write down, as durably, that a blob that was put is an instance: `instances` tells of it from now on."""
        ...

    def add(self, blobs: Sequence[NewBlob]) -> list[BlobRef]:
        """Keep instances that the index does not know, in one go; when this returns they survive a power loss.

        The quick way in for bytes in memory. The same bytes added twice may be kept twice.

        Raises:
            StorageFull: There is no room; some may have been kept.
        """
        ...

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start`, at most `length` of them, in pieces.

        Raises:
            BlobMissing: Before the first piece, when the store does not hold the blob.
        """
        ...

    def place(self, ref: BlobRef) -> FilePart | None:
        """Return where the bytes lie in a local file, None when the store has none. Nothing is looked at."""
        ...

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the store holds the blob in its full size."""
        ...

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return every instance that is kept, with what was said of it, so that an index can be built anew."""
        ...

    def forget(self, ref: BlobRef, *, institution_code: str, at: datetime) -> None:
        """Write down, durably, that an institution's instance is disposed of: `instances` tells of it no more.

        Its bytes stay: another institution, or a document, may have the same. The same instance that comes after
        `at` is told of again.
        """
        ...

    def remove(self, ref: BlobRef) -> bool:
        """Give up the bytes: the caller knows that nothing names them. What is not there is gone already.

        When this returns True, a store built anew does not tell of them, also after a power loss; that they
        leave the disk may take until a segment is compacted. False: they were put again just now, so that somebody
        may be about to name them. Ask again in an hour, if then nothing names them.
        """
        ...


class Hashing:
    """Counts and hashes what passes, piece by piece, and stops at the limit."""

    def __init__(self, limit: int | None) -> None:
        self._hash = hashlib.sha256()
        self._limit = limit
        self.size = 0

    def pieces(self, content: BinaryIO) -> Iterator[bytes]:
        """Yield the content in pieces.

        Raises:
            InstanceTooLarge: As soon as the limit is passed.
        """
        while piece := content.read(CHUNK):
            self.size += len(piece)
            if self._limit is not None and self.size > self._limit:
                raise InstanceTooLarge(allowed=self._limit, found=self.size)
            self._hash.update(piece)
            yield piece

    @property
    def digest(self) -> str:
        """SHA-256 of what has passed, hexadecimal."""
        return self._hash.hexdigest()
