"""Rewriting segments of which much is given up, so that the disk gets the room back.

What a crash may interrupt, in this order; the next call goes on from wherever it stopped:

1. The living records are copied into a file that no reader looks at, checked by their SHA-256, and flushed.
2. It gets the name of a segment, which says what it replaces: from now on whoever reads all segments passes over the
   old one, for both hold the same, and nobody writes into it.
3. The index is told the new places, in one transaction.
4. A day later, when nobody reads by an old place any more, the index is told again, for a row may have been on its way;
   then, when nothing names the old segment, it is deleted.
"""

import json
import os
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from imaging_core.blobs.disk import force_file, force_folder, take_lock
from imaging_core.blobs.port import IN_FLIGHT
from imaging_core.blobs.segments.names import REPLACES, SUFFIX, own_name, replacements
from imaging_core.blobs.segments.records import FILE, FILE_MARK, Record, first_whole, is_undamaged, walk
from imaging_core.blobs.segments.removals import Removals, Removed

_UNFINISHED: Final = ".compacting"
_PIECE: Final = 1024 * 1024
_KEPT_FOR_READERS: Final = timedelta(days=1)


class Places(Protocol):
    """The index, as far as it says where blobs lie. Segments by file name, places as offset by digest."""

    def named(self, segment: str) -> Collection[str]:
        """Return the digests of all blobs that a row names in a segment."""
        ...

    def move(self, segment: str, *, to: str, offsets: Mapping[str, int]) -> None:
        """Let every row that names a blob in a segment name it in another one; in one transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Which segments are rewritten, and when what they replace is deleted."""

    dead_share: float = 0.25
    """Of a segment's bytes: below it the work is not worth the room."""
    quiet: timedelta = IN_FLIGHT
    """So long nobody wrote into it: every row that names its records is there."""
    kept: timedelta = _KEPT_FOR_READERS
    """So long is a replaced segment kept for those who read by an old place."""


@dataclass(slots=True)
class Compaction:
    """What was done, and what was left alone."""

    rewritten: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    """Of what was deleted, less than what replaces it."""
    held: list[str] = field(default_factory=list)
    """Another process writes into them."""
    damaged: list[str] = field(default_factory=list)
    """A living record is not whole, or the index names what is not there: nothing of them is deleted."""


class Compactor:
    """Compacts the segments of one folder."""

    def __init__(self, folder: Path, places: Places, limits: Limits) -> None:
        self._folder = folder
        self._places = places
        self._limits = limits
        self._removals = Removals(folder)

    def run(self) -> Compaction:
        """Finish what was begun, then rewrite what has become worth it. Safe to repeat and to end at any moment."""
        done = Compaction()
        with self._removals.alone():
            for left in self._folder.glob(f"*{_UNFINISHED}"):
                left.unlink()
            for new, old in sorted(replacements(self._folder).items()):
                self._finish(old, new, done)
        removed = self._removals.read()
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if self._worth_it(path, removed):
                # records are given up between two segments, not during one
                with self._removals.alone():
                    self._rewrite(path, self._removals.read(), done)
        return done

    def _worth_it(self, path: Path, removed: Removed) -> bool:
        dead = removed.dead_bytes(path.name)
        try:
            found = path.stat()
        except FileNotFoundError:
            return False  # it left for a colder place
        is_quiet = time.time() - found.st_mtime >= self._limits.quiet.total_seconds()
        return dead > 0 and dead >= self._limits.dead_share * found.st_size and is_quiet

    def _rewrite(self, path: Path, removed: Removed, done: Compaction) -> None:
        begun = replacements(self._folder)
        if path in begun or path in begun.values():
            return
        with path.open("r+b") as old:
            if not take_lock(old.fileno()):
                done.held.append(path.name)
                return
            if not os.fstat(old.fileno()).st_nlink:
                return  # it left for a colder place meanwhile
            copied = self._copy(old, path, removed)
            if copied is None:
                done.damaged.append(path.name)
                return
            os.utime(path)  # from now on it is kept for those who read by an old place
            new = path.with_name(f"{secrets.token_hex(8)}{REPLACES}{own_name(path)}{SUFFIX}")
            copied.replace(new)
            force_folder(self._folder)
        done.rewritten.append(path.name)
        self._finish(path, new, done)

    def _copy(self, old: BinaryIO, path: Path, removed: Removed) -> Path | None:
        """Copy the living records; return the new file, None when not all that is named could be copied."""
        new = path.with_suffix(_UNFINISHED)
        size, end = path.stat().st_size, len(FILE_MARK)
        digests = set()
        with new.open("xb") as file:
            file.write(FILE_MARK)
            for record in walk(old, size):
                if not _is_dead(record, path.name, removed):
                    if not is_undamaged(old, record):
                        break
                    _copy_part(old, end, record.end, file)
                    digests.add(record.digest)
                end = record.end
            file.flush()
            force_file(file.fileno())
        if (end < size and first_whole(old, end, size)) or not digests.issuperset(self._places.named(path.name)):
            new.unlink()
            return None
        return new

    def _finish(self, old: Path, new: Path, done: Compaction) -> None:
        with new.open("rb") as file:
            offsets = {record.digest: record.offset for record in walk(file, new.stat().st_size)}
        self._places.move(old.name, to=new.name, offsets=offsets)
        if time.time() - old.stat().st_mtime < self._limits.kept.total_seconds():
            return
        if self._places.named(old.name):
            done.damaged.append(old.name)
            return
        done.freed_bytes += self._removals.read().dead_bytes(old.name)
        old.unlink()
        force_folder(self._folder)
        self._removals.drop([old.name])
        done.deleted.append(old.name)


def _is_dead(record: Record, segment: str, removed: Removed) -> bool:
    said: dict[str, str] = json.loads(record.about)
    if FILE in said:
        return removed.forgets(said[FILE], said)
    return removed.names(segment, record.offset) or removed.forgets(record.digest, said)


def _copy_part(old: BinaryIO, start: int, end: int, new: BinaryIO) -> None:
    old.seek(start)
    left = end - start
    while left and (piece := old.read(min(left, _PIECE))):
        new.write(piece)
        left -= len(piece)
