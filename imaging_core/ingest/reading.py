"""What is noticed while an instance streams by on its way to the blob store."""

import hashlib
from io import BytesIO
from typing import BinaryIO, Final

from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.errors import DamagedDicom, LimitExceeded, NotDicom

_HEAD_BYTES: Final = 512 * 1024


class WatchedStream:
    """Passes a stream on; keeps its first bytes and hashes what follows the file meta information."""

    def __init__(self, content: BinaryIO, limits: Limits) -> None:
        self._content = content
        self._limits = limits
        self._head = bytearray()
        self._hash = hashlib.sha256()
        self._hashed_from: int | None = None
        self._passed = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the stream."""
        piece = self._content.read(size)
        if self._hashed_from is not None:
            self._hash.update(piece)
        else:
            self._head += piece
            if len(self._head) >= _HEAD_BYTES or not piece:
                self._start_hashing()
        self._passed += len(piece)
        return piece

    @property
    def head(self) -> bytes:
        """The first bytes, at least half a megabyte or all there were."""
        return bytes(self._head)

    @property
    def dataset_digest(self) -> str:
        """SHA-256 of the data set; of the whole content when it has no readable beginning."""
        return self._hash.hexdigest()

    def _start_hashing(self) -> None:
        try:
            self._hashed_from = find_start(BytesIO(self._head), len(self._head), self._limits).dataset_offset
        except (NotDicom, DamagedDicom, LimitExceeded):
            self._hashed_from = 0
        self._hash.update(memoryview(self._head)[self._hashed_from :])
