"""Stored bytes for serving: at once where they lie in a local file and in memory already, else by waiting for them."""

import mmap
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from imaging_core.blobs import BlobFile, BlobRef, BlobStore, FilePart
from imaging_core.errors import BlobMissing

PIECE: Final = 1024 * 1024
ReadBytes = Callable[[int, int], bytes]
"""Returns the bytes of an instance from a start on, by their number."""
_OPEN_FILES: Final = 128
_MAPPED: Final = 64 * 1024
_NOW: Final = getattr(os, "RWF_NOWAIT", None)
"""Linux: read what is in the page cache, and say so instead of waiting for the disk."""


class Content:
    """Reads parts of blobs. Threads may share it; files stay open for the next request."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._files: OrderedDict[Path, _File] = OrderedDict()
        self._lock = threading.Lock()

    def at_once(self, ref: BlobRef, start: int, length: int) -> bytes | memoryview | None:
        """Return the bytes if that needs no waiting; None when they must be read with `read`, in a thread."""
        part = self._blobs.place(ref)
        if part is None or _NOW is None or length > PIECE or start + length > ref.size:
            return None
        file = self._files.get(part.path)
        if file is None:
            return None
        return file.at_once(part.offset + start, length)

    def read(self, ref: BlobRef, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`; waits for disk or network.

        Raises:
            BlobMissing: The store does not hold all of them.
        """
        part = self._blobs.place(ref)
        data = b"" if part is None or not hasattr(os, "pread") else self._read_file(part, ref, start, length)
        if len(data) != length:
            # no local file, or not all of it: a store with a second place has it there
            data = b"".join(self._blobs.read(ref, start=start, length=length))
        if len(data) != length:
            raise BlobMissing(ref.digest)
        return data

    def _read_file(self, part: FilePart, ref: BlobRef, start: int, length: int) -> bytes:
        """Return the bytes; nothing where the file is gone or the disk refuses."""
        try:
            return self._open(part.path, ref).read(part.offset + start, length)
        except (BlobMissing, OSError):
            return b""

    def reader(self, ref: BlobRef) -> ReadBytes:
        """Return what reads small parts of a blob, forward: from a network by the window, not one by one."""
        if self._blobs.place(ref) is not None:
            return lambda start, length: self.read(ref, start, length)
        window = BlobFile(self._blobs, ref)

        def read(start: int, length: int) -> bytes:
            window.seek(start)
            data = window.read(length)
            if len(data) != length:
                raise BlobMissing(ref.digest)
            return data

        return read

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            self._files.clear()

    def _open(self, path: Path, ref: BlobRef) -> "_File":
        file = self._files.get(path)
        if file is not None:
            return file
        try:
            file = _File(path)
        except FileNotFoundError:
            raise BlobMissing(ref.digest) from None
        with self._lock:
            # a file that was compacted away takes up its room until nobody has it open
            for gone in [known for known, opened in self._files.items() if opened.is_deleted()]:
                del self._files[gone]
            self._files[path] = file
            while len(self._files) > _OPEN_FILES:
                self._files.popitem(last=False)  # closed when the last who reads from it lets go
        return file


class _File:
    """An open file that closes itself when nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if (descriptor := self.__dict__.pop("_descriptor", None)) is not None:
            os.close(descriptor)

    def is_deleted(self) -> bool:
        return os.fstat(self._descriptor).st_nlink == 0

    def at_once(self, offset: int, length: int) -> bytes | memoryview | None:
        # looking at the first and the last byte costs two microseconds
        assert _NOW is not None  # noqa: S101  # asked by the caller
        probe = bytearray(1)
        try:
            for at in (offset, offset + max(length - 1, 0)):
                if os.preadv(self._descriptor, [probe], at, _NOW) != 1:
                    return None
        except OSError:  # not in memory, or a file system that cannot say
            return None
        if length >= _MAPPED:
            return self._mapped(offset, length)
        data = os.pread(self._descriptor, length, offset)
        return data if len(data) == length else None

    def _mapped(self, offset: int, length: int) -> memoryview:
        # no copy, and no half megabyte of fresh memory, whose pages cost more than the answer itself; the mapping
        # goes with the answer, so that what was served does not count as this process's memory
        aligned = offset - offset % mmap.ALLOCATIONGRANULARITY
        pages = mmap.mmap(self._descriptor, offset - aligned + length, access=mmap.ACCESS_READ, offset=aligned)
        return memoryview(pages)[offset - aligned :]

    def read(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0 and (data := os.pread(self._descriptor, length, offset)):
            parts.append(data)
            offset, length = offset + len(data), length - len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)
