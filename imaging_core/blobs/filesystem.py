"""Blobs as files, one each, named by their digest."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from imaging_core.blobs.disk import force_folder, holding, no_room
from imaging_core.blobs.port import CHUNK, IN_FLIGHT, BlobRef, FilePart, Hashing
from imaging_core.errors import BlobMissing, StorageFull

_ABANDONED_AFTER_SECONDS: Final = 24 * 3600


class FilesystemBlobStore:
    """Keeps each blob as one file below `root`, sharded by digest; several processes may write at once.

    The part of `SegmentBlobStore` for large instances and everything that is none, and the form of backups.

    A blob is written beside its place, forced to disk, renamed and its folder forced to disk: a crash leaves
    a whole file or an abandoned upload, which the next start removes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._lock = root / "removal.lock"
        self._remove_abandoned()

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        handle, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in hashing.pieces(content):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            ref = ref_of(hashing.digest, hashing.size)
            self._place(Path(name), ref)
        except OSError as error:
            if no_room(error):
                raise StorageFull from error
            raise
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
        return ref

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        return read_part(self.place(ref), ref.digest, start, length)

    def place(self, ref: BlobRef) -> FilePart:
        """Return the file; see the port."""
        return FilePart(self._root / ref.locator, 0, ref.size)

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the file is here in its full size."""
        try:
            return (self._root / ref.locator).stat().st_size == ref.size
        except FileNotFoundError:
            return False

    def remove(self, ref: BlobRef) -> bool:
        """Delete the file, unless it was put again a moment ago; see the port."""
        place = self._root / ref.locator
        with holding(self._lock, alone=True), suppress(FileNotFoundError):
            if time.time() - place.stat().st_mtime < IN_FLIGHT.total_seconds():
                return False
            place.unlink()
            force_folder(place.parent)
        return True

    def set_aside(self, ref: BlobRef) -> None:
        """Rename a damaged file, so that the right bytes get its name; a person may still want to look at it."""
        place = self._root / ref.locator
        with suppress(FileNotFoundError):
            place.replace(place.with_suffix(".damaged"))
            force_folder(place.parent)

    def _place(self, written: Path, ref: BlobRef) -> None:
        place = self._root / ref.locator
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            force_folder(self._root)
        # whoever removes must see that the file is wanted again, or not see it yet
        with holding(self._lock, alone=False):
            if self.exists(ref):
                os.utime(place)
            else:
                written.replace(place)
        # also when it was here: another writer may not have forced the folder to disk yet
        force_folder(place.parent)

    def _remove_abandoned(self) -> None:
        for upload in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - upload.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                    upload.unlink()


def ref_of(digest: str, size: int) -> BlobRef:
    """Return the reference of bytes as every store on disk would name them, whether it holds them or not."""
    # 256 folders: every new folder costs a further write to disk, and file systems index large ones well
    return BlobRef(digest, size, f"{digest[:2]}/{digest}")


def read_part(place: FilePart, digest: str, start: int, length: int | None) -> Iterator[bytes]:
    """Return bytes of a part of a file, from `start` within it, in pieces.

    Raises:
        BlobMissing: Before the first piece, when there is no such file, or it ends before the part does.
    """
    try:
        file = place.path.open("rb", buffering=0)
    except FileNotFoundError:
        raise BlobMissing(digest) from None
    if os.fstat(file.fileno()).st_size < place.offset + place.length:
        file.close()
        raise BlobMissing(digest)
    left = max(place.length - start, 0)
    return _pieces(file, place.offset + start, left if length is None else min(left, length))


def _pieces(file: BinaryIO, start: int, left: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while left > 0 and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
