"""`SegmentBlobStore`: instances in segments, everything else and what is large as files."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from imaging_core.blobs.filesystem import FilesystemBlobStore, read_part, ref_of
from imaging_core.blobs.port import About, BlobRef, FilePart, NewBlob
from imaging_core.blobs.segments.compaction import Compactor, Limits, Places
from imaging_core.blobs.segments.log import Entry, SegmentLog
from imaging_core.blobs.segments.names import SUFFIX, replacements
from imaging_core.blobs.segments.records import FILE, Record, salvage
from imaging_core.blobs.segments.removals import Removals, Removed

FOLDER: Final = "segments"


class SegmentBlobStore:
    """The store on local disk; see decisions/016-segment-log.md. Several processes may write at once.

    Locators: `segments/<file>@<offset>`, or a file's path below `root`, as `FilesystemBlobStore` gives them.
    """

    def __init__(self, root: Path, *, roll_bytes: int = 1024**3) -> None:
        self._root = root
        self._files = FilesystemBlobStore(root)
        self._log = SegmentLog(root / FOLDER, roll_bytes=roll_bytes)
        self._removals = Removals(root / FOLDER)

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes as a file; see the port."""
        return self._files.put(content, limit=limit)

    def note(self, ref: BlobRef, about: About) -> None:
        """Append a record without content that names the file; see the port."""
        self._log.append([Entry((), _encoded({**about, FILE: ref.digest, "size": str(ref.size)}))])

    def add(self, blobs: Sequence[NewBlob]) -> list[BlobRef]:
        """Append the bytes to the log; see the port."""
        appended = self._log.append([Entry(blob.parts, _encoded(blob.about)) for blob in blobs])
        return [BlobRef(one.digest, one.size, f"{FOLDER}/{one.segment}@{one.offset}") for one in appended]

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        return read_part(self._place(ref), ref.digest, start, length)

    def place(self, ref: BlobRef) -> FilePart | None:
        """Return the file, or the part of a segment; see the port."""
        return self._place(ref)

    def _place(self, ref: BlobRef) -> FilePart:
        path, _, offset = ref.locator.partition("@")
        return FilePart(self._root / path, int(offset or 0), ref.size)

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the bytes are there in full; see the port."""
        place = self._place(ref)
        if place.path.suffix != SUFFIX:
            return self._files.exists(ref)
        try:
            return place.path.stat().st_size >= place.offset + place.length
        except FileNotFoundError:
            return False

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return every instance that is kept with what was said of it; see the port."""
        removed = self._removals.read()
        replaced = set(replacements(self._root / FOLDER).values())
        for path in sorted(set((self._root / FOLDER).glob(f"*{SUFFIX}")) - replaced):
            with path.open("rb") as file:
                yield from self._told(path.name, salvage(file, path.stat().st_size), removed)

    def _told(self, segment: str, records: Iterable[Record], removed: Removed) -> Iterator[tuple[BlobRef, About]]:
        for record in records:
            about: dict[str, str] = json.loads(record.about)
            if digest := about.pop(FILE, ""):
                if not removed.forgets(digest, about):
                    yield ref_of(digest, int(about.pop("size"))), about
            elif not removed.names(segment, record.offset) and not removed.forgets(record.digest, about):
                yield BlobRef(record.digest, record.size, f"{FOLDER}/{segment}@{record.offset}"), about

    def forget(self, ref: BlobRef, *, institution_code: str, at: datetime) -> None:
        """Take back what was said of the instance until then, of every copy in the log; see the port."""
        with self._removals.alone():
            self._removals.append({"forgotten": ref.digest, "by": institution_code, "at": at.isoformat()})

    def remove(self, ref: BlobRef) -> bool:
        """Give up a record, or delete a file; see the port."""
        if not _in_segment(ref):
            return self._files.remove(ref)
        with self._removals.alone():
            # gone with its segment: it was moved, and whoever asks sees where to
            if self._has_segment(ref):
                name = ref.locator.removeprefix(f"{FOLDER}/")
                self._removals.append({"removed": name, "size": str(ref.size)})
        return True

    def _has_segment(self, ref: BlobRef) -> bool:
        return (self._root / ref.locator.partition("@")[0]).exists()

    def set_aside(self, ref: BlobRef) -> None:
        """Rename a damaged file. A record stays where it is: what is written anew lies elsewhere."""
        if not _in_segment(ref):
            self._files.set_aside(ref)

    def compactor(self, places: Places, limits: Limits) -> Compactor:
        """Return what gives room of removed records back to the disk."""
        return Compactor(self._root / FOLDER, places, limits)

    def close(self) -> None:
        """Let go of the segment this process writes."""
        self._log.close()


def _in_segment(ref: BlobRef) -> bool:
    return "@" in ref.locator


def _encoded(about: About) -> bytes:
    return json.dumps(dict(about), ensure_ascii=False, separators=(",", ":")).encode()
