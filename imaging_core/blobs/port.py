"""The port of the blob stores, and what the adapters share."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from imaging_core.errors import InstanceTooLarge

CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Names stored bytes.

    `digest` is their SHA-256 in hexadecimal. `locator` says where the store put them: only the store that gave it
    reads it, everyone else keeps it beside the digest.
    """

    digest: str
    size: int
    locator: str


class BlobStore(Protocol):
    """Content-addressed bytes, written once. Putting the same bytes twice keeps one copy."""

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes up to the end of `content`; when this returns they survive a power loss.

        Raises:
            InstanceTooLarge: There are more than `limit` bytes; nothing is kept.
            StorageFull: There is no room; nothing is kept.
        """
        ...

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start`, at most `length` of them, in pieces.

        Raises:
            BlobMissing: Before the first piece, when the store does not hold the blob.
        """
        ...

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the store holds the blob in its full size."""
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
