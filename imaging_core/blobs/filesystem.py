"""Blobs as files, one each, named by their digest."""

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from imaging_core.blobs.port import CHUNK, BlobRef, Hashing
from imaging_core.errors import BlobMissing, StorageFull

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ABANDONED_AFTER_SECONDS: Final = 24 * 3600


class FilesystemBlobStore:
    """Keeps each blob as one file below `root`, sharded by digest; several processes may write at once.

    A blob is written beside its place, forced to disk, renamed and its folder forced to disk: a crash leaves
    a whole file or an abandoned upload, which the next start removes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        handle, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                for piece in hashing.pieces(content):
                    _write_all(file.fileno(), piece)
                os.fsync(file.fileno())
            ref = ref_of(hashing.digest, hashing.size)
            self._place(Path(name), ref)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise StorageFull from error
            raise
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
        return ref

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        try:
            file = (self._root / ref.locator).open("rb", buffering=0)
        except FileNotFoundError:
            raise BlobMissing(ref.digest) from None
        return _pieces(file, start, length)

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the file is here in its full size."""
        try:
            return (self._root / ref.locator).stat().st_size == ref.size
        except FileNotFoundError:
            return False

    def _place(self, written: Path, ref: BlobRef) -> None:
        place = self._root / ref.locator
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            _force_folder(self._root)
        if not self.exists(ref):
            written.replace(place)
        # also when it was here: another writer may not have forced the folder to disk yet
        _force_folder(place.parent)

    def _remove_abandoned(self) -> None:
        for upload in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - upload.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                    upload.unlink()


def ref_of(digest: str, size: int) -> BlobRef:
    """Return the reference of bytes as every store on disk would name them, whether it holds them or not."""
    # 256 folders: every new folder costs a further write to disk, and file systems index large ones well
    return BlobRef(digest, size, f"{digest[:2]}/{digest}")


def _write_all(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]


def _pieces(file: BinaryIO, start: int, length: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = length
        while left is None or left > 0:
            piece = file.read(CHUNK if left is None else min(CHUNK, left))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece


def _force_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows journals folder entries itself and cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
