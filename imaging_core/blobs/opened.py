"""A stored blob as a file: seekable, or to be read once."""

import io
from collections.abc import Iterator

from imaging_core.blobs.port import BlobRef, BlobStore

_WINDOW = 256 * 1024


class BlobFile(io.RawIOBase):
    """Reads a blob through the port, a window at a time. `head` are its first bytes, if somebody has them already."""

    def __init__(self, blobs: BlobStore, ref: BlobRef, head: bytes = b"") -> None:
        self._blobs = blobs
        self._ref = ref
        self._window = head
        self._window_start = 0
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ref.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end."""
        left = max(self._ref.size - self._position, 0)
        wanted = left if size < 0 else min(size, left)
        at = self._position - self._window_start
        if at < 0 or at + wanted > len(self._window):
            self._window_start, at = self._position, 0
            # ask for no more than there is: a range past the end is an error on S3
            length = min(max(wanted, _WINDOW), left)
            self._window = b"".join(self._blobs.read(self._ref, start=self._position, length=length)) if wanted else b""
        self._position += wanted
        return self._window[at : at + wanted]


class Pieces:
    """Pieces of a blob as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1) -> bytes:
        """Return the next piece, empty at the end."""
        return next(self._pieces, b"")
