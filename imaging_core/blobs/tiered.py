"""`TieredBlobStore`: segments that nobody opens any more lie in a colder place, and are read there all the same.

A locator stays as it is: where its segment lies is looked up. A segment is moved whole:

1. Its records are held against their digests, and it is copied, with a list of its records beside it.
2. The copy is read back and held against the SHA-256 of the file.
3. The index is told.
4. The file on disk is deleted.

Back it goes in the same order. Whatever is interrupted is done again from the beginning; the file on disk, as long as
it is there, goes before the copy.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from imaging_core.blobs.cold import ColdPlace, pieces_of, sha256_of
from imaging_core.blobs.disk import force_folder, take_lock
from imaging_core.blobs.filesystem import read_part
from imaging_core.blobs.port import About, BlobRef, FilePart
from imaging_core.blobs.segments.names import SUFFIX, replacements
from imaging_core.blobs.segments.records import Record, walk
from imaging_core.blobs.segments.store import FOLDER, SegmentBlobStore
from imaging_core.errors import BlobMissing

_HEADS: Final = ".heads"
_USED: Final = ".used"
_WARMING: Final = ".warming"
_DAY: Final = 86_400
WriteDown = Callable[[str, int, str], None]
"""Tells the index where a segment lies from now on: name, bytes, SHA-256."""


@dataclass(frozen=True, slots=True)
class Ages:
    """When a segment leaves the disk."""

    after: timedelta
    """Since something was written into it."""
    unused: timedelta
    """Since something of it was opened."""


class TieredBlobStore(SegmentBlobStore):
    """Segments on disk, and older ones in a colder place."""

    def __init__(self, root: Path, cold: ColdPlace, *, roll_bytes: int = 1024**3) -> None:
        super().__init__(root, roll_bytes=roll_bytes)
        self._segments = root / FOLDER
        self._cold = cold
        self._sealed_bytes = roll_bytes
        self._noted: dict[str, int] = {}

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces, from disk or from the colder place; see the port."""
        self._note_use(ref)
        return self.read_unnoticed(ref, start=start, length=length)

    def read_unnoticed(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Read without counting it as use: for who only checks."""
        try:
            return read_part(self._place(ref), ref.digest, start, length)
        except BlobMissing:
            segment, offset = _segment_of(ref)
            if not segment or (size := self._cold.size(segment)) is None or size < offset + ref.size:
                raise
            left = max(ref.size - start, 0)
            wanted = left if length is None else min(length, left)
            return self._cold.read(segment, start=offset + start, length=wanted) if wanted else iter(())

    def place(self, ref: BlobRef) -> FilePart | None:
        """Return where the bytes lie in a local file, on disk or in a colder folder; see the port."""
        self._note_use(ref)
        place = self._place(ref)
        segment, offset = _segment_of(ref)
        if not segment or place.path.exists():
            return place
        return self._cold.place(segment, offset, ref.size)

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the bytes are there in full; see the port."""
        if super().exists(ref):
            return True
        segment, offset = _segment_of(ref)
        size = self._cold.size(segment) if segment else None
        return size is not None and size >= offset + ref.size

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return every instance of both places; see the port."""
        here = {path.name for path in self._segments.glob(f"*{SUFFIX}")}
        yield from super().instances()
        removed = self._removals.read()
        for name in self._cold.names():
            if name.endswith(SUFFIX) and name not in here:
                yield from self._told(name, self._heads(name), removed)

    def candidates(self, ages: Ages) -> list[str]:
        """Return sealed segments that are old and unused, oldest first."""
        now = time.time()
        busy = {path.name for pair in replacements(self._segments).items() for path in pair}
        found: list[tuple[float, str]] = []
        for path in self._segments.glob(f"*{SUFFIX}"):
            about = path.stat()
            used = path.with_name(path.name + _USED)
            last = max(about.st_mtime, used.stat().st_mtime if used.exists() else 0)
            old = now - about.st_mtime >= ages.after.total_seconds() and now - last >= ages.unused.total_seconds()
            if old and about.st_size >= self._sealed_bytes and path.name not in busy:
                found.append((about.st_mtime, path.name))
        return [name for _, name in sorted(found)]

    def cold_segments(self) -> dict[str, int]:
        """Return the segments that lie in the colder place alone, with their sizes."""
        names = [name for name in self._cold.names() if name.endswith(SUFFIX)]
        return {name: self._cold.size(name) or 0 for name in names if not (self._segments / name).exists()}

    def with_removed_records(self) -> list[str]:
        """Return cold segments of which something was given up: only on disk they get rid of it."""
        removed = self._removals.read()
        return [name for name in self.cold_segments() if removed.dead_bytes(name)]

    def cool(self, name: str, write_down: WriteDown) -> bool:
        """Move a segment to the colder place; False: it is in use, or not whole, which the scrub will mend."""
        path = self._segments / name
        with path.open("r+b") as file:
            if not take_lock(file.fileno()):
                return False
            size = path.stat().st_size
            records = list(walk(file, size, check_contents=True))
            if not records or records[-1].end != size:
                return False
            file.seek(0)
            sha256 = sha256_of(pieces_of(file))
            self._keep(name, path, records, size, sha256)
            write_down(name, size, sha256)
            with self._removals.alone():
                if name in {one.name for pair in replacements(self._segments).items() for one in pair}:
                    return False  # it is being compacted: the copy goes when its successor is moved
                path.unlink()
                path.with_name(name + _USED).unlink(missing_ok=True)
                force_folder(self._segments)
        return True

    def warm(self, name: str, sha256: str, write_down: WriteDown) -> None:
        """Bring a segment back to disk.

        Raises:
            BlobMissing: The copy is not there, or not what it was.
        """
        path = self._segments / name
        if not path.exists():
            coming = path.with_suffix(_WARMING)
            with coming.open("wb") as file:
                for piece in self._cold.read(name):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            with coming.open("rb") as file:
                if sha256_of(pieces_of(file)) != sha256:
                    raise BlobMissing(name)
            coming.replace(path)
            force_folder(self._segments)
        path.with_name(name + _USED).touch()
        write_down(name, path.stat().st_size, sha256)
        self._cold.remove(name)
        self._cold.remove(name + _HEADS)

    def _keep(self, name: str, path: Path, records: list[Record], size: int, sha256: str) -> None:
        if self._cold.size(name) != size or sha256_of(self._cold.read(name)) != sha256:
            heads = path.with_name(name + _HEADS)
            said = [[one.digest, one.offset, one.size, one.about.decode(), one.end] for one in records]
            heads.write_text(json.dumps(said))
            self._cold.keep(heads.name, heads)
            heads.unlink()
            self._cold.keep(name, path)
            if sha256_of(self._cold.read(name)) != sha256:
                raise OSError("the colder place gave back other bytes than it was given")

    def _heads(self, name: str) -> Iterator[Record]:
        for digest, offset, size, about, end in json.loads(b"".join(self._cold.read(name + _HEADS))):
            yield Record(digest, offset, size, about.encode(), end)

    def _has_segment(self, ref: BlobRef) -> bool:
        return super()._has_segment(ref) or self._cold.size(_segment_of(ref)[0]) is not None

    def _note_use(self, ref: BlobRef) -> None:
        segment, _ = _segment_of(ref)
        day = int(time.time()) // _DAY
        if segment and self._noted.get(segment) != day:
            self._noted[segment] = day
            # once a day: that is as exact as the ages are
            if (self._segments / segment).exists():
                (self._segments / (segment + _USED)).touch()


def _segment_of(ref: BlobRef) -> tuple[str, int]:
    """Return the segment of a record and its place there; an empty name for what lies in a file of its own."""
    path, found, offset = ref.locator.partition("@")
    return (path.removeprefix(f"{FOLDER}/"), int(offset)) if found else ("", 0)
