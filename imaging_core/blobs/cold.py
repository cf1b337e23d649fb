"""Where segments go that nobody opens any more: whole, read by range. A folder on a cheaper disk, or a bucket."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from imaging_core.blobs.disk import force_folder
from imaging_core.blobs.filesystem import read_part
from imaging_core.blobs.port import CHUNK, FilePart
from imaging_core.blobs.s3 import S3BlobStore, S3Location
from imaging_core.errors import BlobMissing, StoreUnavailable

MARK: Final = "mingying-cold"
"""A file in the folder: without it the disk is not mounted."""


class ColdPlace(Protocol):
    """Holds whole files by name."""

    def keep(self, name: str, path: Path) -> None:
        """Keep a file, all of it or nothing; when this returns it survives a power loss."""
        ...

    def read(self, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return bytes of a file in pieces.

        Raises:
            BlobMissing: There is none of that name, or it ends earlier.
            StoreUnavailable: The place cannot be reached.
        """
        ...

    def place(self, name: str, start: int, length: int) -> FilePart | None:
        """Return where bytes lie in a local file; None when there is none."""
        ...

    def size(self, name: str) -> int | None:
        """Return how large a file is; None: it is not here."""
        ...

    def names(self) -> list[str]:
        """Return the names of all files."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file, if it is here."""
        ...


class ColdFolder:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, path: Path) -> None:
        """Copy it beside its place, flush it, rename it; see the port."""
        self._require()
        partial = self._folder / f"{name}.partial"
        with path.open("rb") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(self._folder / name)
        force_folder(self._folder)

    def read(self, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return bytes in pieces; see the port."""
        self._require()
        size = self.size(name)
        if size is None:
            raise BlobMissing(name)
        return read_part(FilePart(self._folder / name, 0, size), name, start, length)

    def place(self, name: str, start: int, length: int) -> FilePart:
        """Return the part of the file; see the port."""
        return FilePart(self._folder / name, start, length)

    def size(self, name: str) -> int | None:
        """Return how large it is; see the port."""
        with suppress(FileNotFoundError):
            return (self._folder / name).stat().st_size
        return None

    def names(self) -> list[str]:
        """Return all names; see the port."""
        self._require()
        return sorted(path.name for path in self._folder.iterdir() if path.suffix not in ("", ".partial"))

    def remove(self, name: str) -> None:
        """Delete it; see the port."""
        self._require()
        (self._folder / name).unlink(missing_ok=True)
        force_folder(self._folder)

    def _require(self) -> None:
        if not (self._folder / MARK).is_file():
            raise StoreUnavailable("cold store")


class ColdBucket:
    """Objects of a bucket, read by range. Needs the extra `s3`."""

    def __init__(self, location: S3Location) -> None:
        self._prefix = location.prefix
        self._objects = S3BlobStore(location)

    def keep(self, name: str, path: Path) -> None:
        """Send it as one object; see the port."""
        with path.open("rb") as file:
            self._objects.put_named(self._prefix + name, file)

    def read(self, name: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return bytes in pieces; see the port."""
        return self._objects.read_named(self._prefix + name, start=start, length=length)

    def place(self, name: str, start: int, length: int) -> None:  # the port's
        """Return None: there is no file; see the port."""

    def size(self, name: str) -> int | None:
        """Return how large it is; see the port."""
        return self._objects.size_of(self._prefix + name)

    def names(self) -> list[str]:
        """Return all names; see the port."""
        return sorted(key.removeprefix(self._prefix) for key in self._objects.keys(self._prefix))

    def remove(self, name: str) -> None:
        """Delete it; see the port."""
        self._objects.delete(self._prefix + name)


def sha256_of(pieces: Iterator[bytes]) -> str:
    """Return the digest of what is read to its end."""
    sha = hashlib.sha256()
    for piece in pieces:
        sha.update(piece)
    return sha.hexdigest()


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """Return a file in pieces."""
    return iter(lambda: file.read(CHUNK), b"")
