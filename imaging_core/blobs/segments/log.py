"""`SegmentLog`: appends to the segment this process holds; one flush for all who wait."""

import hashlib
import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from imaging_core.blobs.disk import force_file, force_folder, no_room, take_lock, write_parts
from imaging_core.blobs.port import Bytes
from imaging_core.blobs.segments.names import SUFFIX, is_replaced
from imaging_core.blobs.segments.records import FILE_MARK, first_whole, head_of, padding, walk
from imaging_core.errors import StorageFull, StoreUnavailable
from imaging_core.group_commit import GroupCommit

_MOST_AT_ONCE: Final = 256
_BINARY: Final = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


@dataclass(frozen=True, slots=True)
class Entry:
    """One blob to append: its content in parts, and what is said about it."""

    parts: Sequence[Bytes]
    about: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a blob was put."""

    segment: str
    offset: int
    digest: str
    size: int


class SegmentLog:
    """Segments of one folder. Several processes may append, each to a segment that it holds locked.

    A process takes a segment that nobody holds and that has room, cuts off what a crash left half written, and goes
    on behind its last whole record; where there is none it begins a new one. A segment beyond `roll_bytes` is never
    written again.
    """

    def __init__(self, folder: Path, *, roll_bytes: int = 1024**3) -> None:
        self._folder = folder
        self._roll_bytes = roll_bytes
        self._commit = GroupCommit(self._append, most=_MOST_AT_ONCE)
        self._file: int | None = None
        self._name = ""
        self._end = 0
        self._close_lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, entries: Sequence[Entry]) -> list[Appended]:
        """Append blobs; when this returns they survive a power loss.

        Raises:
            StorageFull: There is no room; nothing of it stays.
            StoreUnavailable: The disk refuses.
        """
        return self._commit.do(entries)

    def close(self) -> None:
        """Let go of the segment; another process may take it."""
        with self._close_lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _append(self, calls: Sequence[Sequence[Entry]]) -> list[list[Appended]]:
        try:
            appended = iter(self._append_durably([entry for entries in calls for entry in entries]))
            return [list(islice(appended, len(entries))) for entries in calls]
        except OSError as error:
            if no_room(error):
                raise StorageFull from error
            raise StoreUnavailable("store") from error

    def _append_durably(self, entries: Sequence[Entry]) -> list[Appended]:
        file = self._writable()
        buffers: list[Bytes] = []
        appended: list[Appended] = []
        at = self._end
        for entry in entries:
            sha, size = hashlib.sha256(), 0
            for part in entry.parts:
                sha.update(part)
                size += len(part)
            head = head_of(sha.digest(), size, entry.about)
            zeros = padding(len(head) + size)
            buffers += [head, *entry.parts, zeros]
            appended.append(Appended(self._name, at + len(head), sha.hexdigest(), size))
            at += len(head) + size + len(zeros)
        try:
            write_parts(file, buffers, self._end)
        except OSError:
            self._cut_back(file)
            raise
        try:
            force_file(file)
        except OSError:
            # what of this file is on the disk is not known any more: never write behind it
            self.close()
            raise
        self._end = at
        return appended

    def _cut_back(self, file: int) -> None:
        """Remove what was half written: it must not cost the room that is missing."""
        try:
            os.ftruncate(file, self._end)
        except OSError:
            self.close()
            raise

    def _writable(self) -> int:
        # a segment that somebody deleted is gone when this process ends: never acknowledge what is written into it
        if self._file is not None and self._end < self._roll_bytes and os.fstat(self._file).st_nlink:
            return self._file
        self.close()
        self._file = self._take_over() or self._begin()
        return self._file

    def _take_over(self) -> int | None:
        """Return a segment with room that nobody holds, its torn end cut off; None when there is none."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path.stat().st_size >= self._roll_bytes:
                continue
            file = os.open(path, os.O_RDWR | _BINARY)
            # asked for under the lock: compaction holds it until the other segment is there
            if take_lock(file) and not is_replaced(path) and (end := _whole_end(path)):
                os.ftruncate(file, end)
                force_file(file)
                self._name, self._end = path.name, end
                return file
            os.close(file)
        return None

    def _begin(self) -> int:
        path = self._folder / f"{secrets.token_hex(8)}{SUFFIX}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o640)
        take_lock(file)
        write_parts(file, [FILE_MARK], 0)
        force_file(file)
        force_folder(self._folder)
        self._name, self._end = path.name, len(FILE_MARK)
        return file


def _whole_end(path: Path) -> int:
    """Return where the last whole record ends; 0 when the file is no segment, shrank meanwhile or is damaged.

    A torn end may be cut off, for nobody was told of it. Before a whole record nothing is ever cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(FILE_MARK)) != FILE_MARK:
            return 0
        end = len(FILE_MARK)
        for record in walk(file, size, check_contents=True):
            end = record.end
        return 0 if end < size and first_whole(file, end, size) else end
