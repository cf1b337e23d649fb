"""Bytes read forward only, from a file or through an inflater, with limits that hold while reading."""

import zlib
from typing import BinaryIO, Protocol

from imaging_core.dicom.limits import Limits
from imaging_core.errors import DamagedDicom, LimitExceeded

_CHUNK = 256 * 1024
_WINDOW = 16 * 1024
_RATIO_FREE_BYTES = 64 * 1024 * 1024


class Source(Protocol):
    """A forward-only reader that knows where it is. Short answers mean the end was reached."""

    position: int

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        ...

    def skip(self, count: int) -> int:
        """Pass over bytes without keeping them; return how many there were."""
        ...

    def peek(self, count: int) -> bytes:
        """Return the next bytes (at most 16) and stay."""
        ...

    def window(self) -> bytes:
        """Return as many of the next bytes as are cheap to have, perhaps none, and stay."""
        ...


class FileSource:
    """A seekable file. `size` bounds every skip, so a length that lies costs nothing."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self.position = file.tell()

    def read(self, count: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        data = self._file.read(min(count, self.size - self.position))
        self.position += len(data)
        return data

    def skip(self, count: int) -> int:
        """Seek over bytes; return how many there were."""
        there = min(count, self.size - self.position)
        self.position += there
        self._file.seek(self.position)
        return there

    def peek(self, count: int) -> bytes:
        """Return the next bytes and stay."""
        data = self._file.read(count)
        self._file.seek(self.position)
        return data

    def window(self) -> bytes:
        """Return the next bytes and stay."""
        return self.peek(min(_WINDOW, self.size - self.position))


class InflatedSource:
    """The inflated bytes of a deflated data set (PS3.5 A.5), made as they are asked for.

    Raises:
        LimitExceeded: More comes out than the limits allow; at most one chunk was made too many.
        DamagedDicom: The stream is not valid deflate data.
    """

    def __init__(self, deflated: BinaryIO, limits: Limits) -> None:
        self._deflated = deflated
        self._limits = limits
        self._inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._ready = b""
        self._taken_in = 0
        self._made = 0
        self.position = 0

    def read(self, count: int) -> bytes:
        """Return the next inflated bytes, fewer only at the end."""
        parts: list[bytes] = []
        while count > 0 and self._fill():
            part, self._ready = self._ready[:count], self._ready[count:]
            count -= len(part)
            self.position += len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, count: int) -> int:
        """Inflate and drop bytes; return how many there were."""
        start, end = self.position, self.position + count
        while self.position < end and self._fill():
            drop = min(end - self.position, len(self._ready))
            self._ready = self._ready[drop:]
            self.position += drop
        return self.position - start

    def peek(self, count: int) -> bytes:
        """Return the next inflated bytes and stay."""
        data = self.read(count)
        self._ready = data + self._ready
        self.position -= len(data)
        return data

    def window(self) -> bytes:
        """Return what is inflated already."""
        return self._ready

    def _fill(self) -> bool:
        while not self._ready and not self._inflater.eof:
            waiting = self._inflater.unconsumed_tail or self._deflated.read(_CHUNK)
            if not self._inflater.unconsumed_tail:
                self._taken_in += len(waiting)
            if not waiting:
                break
            try:
                self._ready = self._inflater.decompress(waiting, _CHUNK)
            except zlib.error as error:
                raise DamagedDicom("bad_deflate", f"the deflated data set cannot be inflated: {error}") from error
            self._made += len(self._ready)
            self._check()
        return bool(self._ready)

    def _check(self) -> None:
        if self._made > self._limits.inflated_bytes:
            raise LimitExceeded("inflated bytes", allowed=self._limits.inflated_bytes, found=self._made)
        if self._made > max(_RATIO_FREE_BYTES, self._taken_in * self._limits.deflate_ratio):
            raise LimitExceeded(
                "deflate ratio", allowed=self._limits.deflate_ratio, found=self._made // max(self._taken_in, 1)
            )
