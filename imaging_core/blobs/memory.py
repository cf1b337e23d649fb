"""Blobs in memory, for tests."""

from collections.abc import Iterator
from typing import BinaryIO

from imaging_core.blobs.port import CHUNK, BlobRef, Hashing
from imaging_core.errors import BlobMissing


class MemoryBlobStore:
    """Keeps blobs in a dictionary; they are gone with the process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        data = b"".join(hashing.pieces(content))
        self._contents.setdefault(hashing.digest, data)
        return BlobRef(hashing.digest, hashing.size, hashing.digest)

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        data = self._contents.get(ref.locator)
        if data is None:
            raise BlobMissing(ref.digest)
        part = data[start:] if length is None else data[start : start + length]
        return iter([part[at : at + CHUNK] for at in range(0, len(part), CHUNK)])

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the blob is here."""
        return len(self._contents.get(ref.locator, b"")) == ref.size and ref.locator in self._contents
