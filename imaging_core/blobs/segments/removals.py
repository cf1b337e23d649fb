"""`Removals`: what of the segments is given up, in an append-only log beside them.

Records without content, in the form of the segments. They say `removed` (a record of a segment, by its place), or
`forgotten` (a digest) `by` (an institution) `at` (a time). One writer at a time; a torn end is cut off before the next
record is written.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from imaging_core.blobs.disk import force_file, force_folder, holding, write_parts
from imaging_core.blobs.segments.records import FILE_MARK, head_of, padding, salvage

_NAME: Final = "removed.log"
_LOCK: Final = "removal.lock"
_NOTHING: Final = sha256(b"").digest()


@dataclass(slots=True)
class Removed:
    """What is given up: offsets of records by segment with their sizes, and forgotten instances."""

    records: dict[str, dict[int, int]] = field(default_factory=dict)
    forgotten: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """By institution and digest: what came until then."""

    def names(self, segment: str, offset: int) -> bool:
        """Return whether the record of a segment is given up."""
        return offset in self.records.get(segment, {})

    def forgets(self, digest: str, about: Mapping[str, str]) -> bool:
        """Return whether what was said of an instance is taken back."""
        at = self.forgotten.get((about.get("institution_code", ""), digest))
        return at is not None and datetime.fromisoformat(about["received_at"]) <= at

    def dead_bytes(self, segment: str) -> int:
        """Return how many bytes of a segment are given up."""
        return sum(self.records.get(segment, {}).values())


class Removals:
    """The log of one folder of segments. Threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._written = (0, 0)
        """Which file this process wrote last, and up to where: what ends there needs no looking through."""

    def alone(self) -> AbstractContextManager[None]:
        """Return the lock under which records are given up and segments rewritten."""
        return holding(self._folder / _LOCK, alone=True)

    def read(self) -> Removed:
        """Return all that is given up."""
        removed = Removed()
        for said in self._said():
            if "removed" in said:
                segment, _, offset = said["removed"].partition("@")
                removed.records.setdefault(segment, {})[int(offset)] = int(said["size"])
            else:
                name = said["by"], said["forgotten"]
                at = datetime.fromisoformat(said["at"])
                removed.forgotten[name] = max(at, removed.forgotten.get(name, at))
        return removed

    def _said(self) -> Iterator[dict[str, str]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for record in salvage(file, self._path.stat().st_size):
                said: dict[str, str] = json.loads(record.about)
                yield said

    def append(self, said: Mapping[str, str]) -> None:
        """Write a record; when this returns it survives a power loss. Only under the lock."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o640)
        try:
            end = self._whole_end(file)
            if end == 0:
                write_parts(file, [FILE_MARK], 0)
                force_folder(self._folder)
                end = len(FILE_MARK)
            head = _head(said)
            write_parts(file, [head], end)
            force_file(file)
            self._written = os.fstat(file).st_ino, end + len(head)
        finally:
            os.close(file)

    def drop(self, segments: Collection[str]) -> None:
        """Forget about segments that are gone. Only under the lock."""
        kept = [said for said in self._said() if said.get("removed", "").partition("@")[0] not in segments]
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(FILE_MARK + b"".join(_head(said) for said in kept))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        force_folder(self._folder)

    def _whole_end(self, file: int) -> int:
        found = os.fstat(file)
        size = found.st_size
        if (found.st_ino, size) == self._written:
            return size
        end = 0
        with self._path.open("rb") as whole:
            if whole.read(len(FILE_MARK)) == FILE_MARK:
                end = len(FILE_MARK)
            # a torn end is cut off, but nothing before a whole record: what is forgotten must not come back
            for record in salvage(whole, size):
                end = record.end
        os.ftruncate(file, end)
        return end


def _head(said: Mapping[str, str]) -> bytes:
    head = head_of(_NOTHING, 0, json.dumps(dict(said), separators=(",", ":")).encode())
    return head + padding(len(head))
