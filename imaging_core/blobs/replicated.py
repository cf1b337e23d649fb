"""`ReplicatedBlobStore`: two stores; what is kept is in both before it is acknowledged."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Generic, TypeVar, cast

from imaging_core.blobs.opened import Pieces
from imaging_core.blobs.port import BETWEEN, About, BlobRef, BlobStore, FilePart, NewBlob
from imaging_core.errors import BlobMissing, StoreUnavailable
from imaging_core.group_commit import GroupCommit

log = logging.getLogger(__name__)

MARK: Final = "mingying-replica"
"""A file in the folder of a replica. A folder without it is a disk that is not mounted: never written to."""
CHECKED_BYTES: Final = 8 * 1024 * 1024
"""What is read whole and is not larger is held against its digest while it is read."""
_MOST_CALLS_AT_ONCE: Final = 256
_TRY_AGAIN_SECONDS: Final = 2.0
_SLOWEST_BYTES_A_SECOND: Final = 1024 * 1024
Written = TypeVar("Written")
_UNREADABLE: Final = (BlobMissing, StoreUnavailable, OSError)


class WhenDown(StrEnum):
    """What happens to an instance while the replica cannot be written."""

    REFUSE = "refuse"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the places of a blob; `ref` is None when it was never written there."""

    name: str
    ref: BlobRef | None


class ReplicatedBlobStore:
    """Writes to both stores at once, a group of arrivals at a time, and reads from the replica what the first lost.

    A locator is that of the first store and that of the replica with `|` between; a side is empty where the blob is
    not. A locator without `|` is of a time without replica. So an index row says durably what is still to be copied.
    """

    def __init__(
        self,
        primary: BlobStore,
        open_replica: Callable[[], BlobStore] | None,
        *,
        when_down: WhenDown = WhenDown.REFUSE,
        seconds: float = 30.0,
    ) -> None:
        """Nothing is opened yet.

        Args:
            primary: Where everything is read from.
            open_replica: Opens the other store; called again after it failed. None: there is none any more.
            when_down: Whether arrivals are refused or kept in the first store alone while the replica is down.
            seconds: How long the replica may take to write a group.
        """
        self._primary = primary
        self._open_replica = open_replica
        self._opened: BlobStore | None = None
        self._when_down = when_down
        self._seconds = seconds
        self._down_until = 0.0
        self._commit = GroupCommit(self._add_group, most=_MOST_CALLS_AT_ONCE)

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes in both stores; see the port."""
        self._may_copy()
        first = self._primary.put(content, limit=limit)
        return _joined(first, self._finish(self._begin(lambda: self._put_copy(first)), first.size))

    def note(self, ref: BlobRef, about: About) -> None:
        """Write it down in both stores; see the port."""
        first, second = _parts(ref)
        if first is not None:
            self._primary.note(first, about)
        if second is not None:
            self._finish(self._begin(lambda: self._replica.note(second, about)))

    def add(self, blobs: Sequence[NewBlob]) -> list[BlobRef]:
        """Keep instances in both stores, together with those of other threads; see the port."""
        return self._commit.do(blobs)

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes from the first store, or from the replica what is missing or changed; see the port."""
        first, second = _parts(ref)
        if second is None:
            return self._primary.read(ref if first is None else first, start=start, length=length)
        if first is None:
            return self._replica.read(second, start=start, length=length)
        if self._open_replica is None:
            return self._primary.read(first, start=start, length=length)
        if start == 0 and length is None and ref.size <= CHECKED_BYTES:
            return self._read_checked(first, second)
        try:
            pieces = self._primary.read(first, start=start, length=length)
        except _UNREADABLE as error:
            _fell_back(ref, error)
            return self._replica.read(second, start=start, length=length)
        return self._pieces(pieces, second, start, length)

    def place(self, ref: BlobRef) -> FilePart | None:
        """Return where the first store has the bytes, or the replica what only it has; see the port."""
        first, _, second = ref.locator.partition(BETWEEN)
        if first or not second:
            return self._primary.place(BlobRef(ref.digest, ref.size, first))
        return self._replica.place(BlobRef(ref.digest, ref.size, second))

    def exists(self, ref: BlobRef) -> bool:
        """Return whether one of them holds the blob in full; see the port."""
        first, second = _parts(ref)
        if first is not None and self._primary.exists(first):
            return True
        return second is not None and self._open_replica is not None and self._replica.exists(second)

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return the instances of both stores, each once; see the port."""
        copies = iter(()) if self._open_replica is None else self._replica.instances()
        there = {_name(ref, about): (ref, about) for ref, about in copies}
        here: set[tuple[str, str]] = set()
        for ref, about in self._primary.instances():
            here.add(_name(ref, about))
            copy = there.get(_name(ref, about))
            yield _joined(ref, None if copy is None else copy[0]), about
        for name, (ref, about) in there.items():
            if name not in here:
                yield _joined(None, ref), about

    def forget(self, ref: BlobRef, *, institution_code: str, at: datetime) -> None:
        """Tell no more of it, in both stores; see the port.

        Raises:
            StoreUnavailable: The replica cannot be written; call again.
        """
        for store, part in self._sides(ref):
            store.forget(part, institution_code=institution_code, at=at)

    def remove(self, ref: BlobRef) -> bool:
        """Give up the bytes in both stores; see the port.

        Raises:
            StoreUnavailable: The replica cannot be written; call again.
        """
        removed = [store.remove(part) for store, part in self._sides(ref)]
        return all(removed)

    def copies(self, ref: BlobRef) -> tuple[Copy, ...]:
        """Return the places of a blob."""
        first, second = _parts(ref)
        if self._open_replica is None:
            return (Copy("primary", first),)
        return Copy("primary", first), Copy("replica", second)

    def side(self, name: str) -> BlobStore:
        """Return the store of a copy.

        Raises:
            StoreUnavailable: It is the replica, and it cannot be opened.
        """
        return self._primary if name == "primary" else self._replica

    def with_copy(self, ref: BlobRef, copy: Copy) -> BlobRef:
        """Return the reference after one of its copies was written anew."""
        first, second = _parts(ref)
        return _joined(copy.ref, second) if copy.name == "primary" else _joined(first, copy.ref)

    @property
    def has_replica(self) -> bool:
        """Whether there still is one."""
        return self._open_replica is not None

    def close(self) -> None:
        """Let go of the segments this process writes."""
        for store in (self._primary, self._opened):
            if (close := getattr(store, "close", None)) is not None:
                close()

    @property
    def _replica(self) -> BlobStore:
        if self._opened is None:
            if self._open_replica is None:
                raise StoreUnavailable("replica")
            self._opened = self._open_replica()
        return self._opened

    def _sides(self, ref: BlobRef) -> list[tuple[BlobStore, BlobRef]]:
        first, second = _parts(ref)
        # the replica first: when it is down nothing is given up
        sides = [] if second is None or self._open_replica is None else [(self._replica, second)]
        return sides if first is None else [*sides, (self._primary, first)]

    def _put_copy(self, first: BlobRef) -> BlobRef:
        second = self._replica.put(cast(BinaryIO, Pieces(self._primary.read(first))))
        if second.digest != first.digest:
            raise OSError("the first store gave back other bytes than it was given")
        return second

    def _add_group(self, calls: Sequence[Sequence[NewBlob]]) -> list[list[BlobRef]]:
        blobs = [blob for call in calls for blob in call]
        copying = self._begin(lambda: self._replica.add(blobs))
        first = self._primary.add(blobs)
        copied = self._finish(copying, sum(one.size for one in first))
        second: Sequence[BlobRef | None] = [None] * len(first) if copied is None else copied
        refs = iter([_joined(one, copy) for one, copy in zip(first, second, strict=True)])
        return [list(islice(refs, len(call))) for call in calls]

    def _may_copy(self) -> bool:
        """Return whether to write to the replica; False: it was down a moment ago, and arrivals go on without.

        Raises:
            StoreUnavailable: It was down a moment ago, and arrivals are refused.
        """
        if self._open_replica is None:
            return False
        if time.monotonic() >= self._down_until:
            return True
        if self._when_down is WhenDown.REFUSE:
            raise StoreUnavailable("replica")
        return False

    def _begin(self, work: Callable[[], Written]) -> "_Copying[Written] | None":
        """Start writing to the replica beside the first store."""
        if not self._may_copy():
            return None
        copying = _Copying(work)
        copying.start()
        return copying

    def _finish(self, copying: "_Copying[Written] | None", size: int = 0) -> Written | None:
        """Return what the replica wrote; None when it did not and arrivals go on without.

        Raises:
            StoreUnavailable: It did not, and arrivals are refused.
        """
        if copying is None:
            return None
        try:
            return copying.result(self._seconds + size / _SLOWEST_BYTES_A_SECOND)
        except Exception as error:
            log.error("the replica cannot be written", extra={"error": type(error).__name__})
            self._opened = None
            self._down_until = time.monotonic() + _TRY_AGAIN_SECONDS
            if self._when_down is WhenDown.REFUSE:
                raise StoreUnavailable("replica") from error
            return None

    def _read_checked(self, first: BlobRef, second: BlobRef) -> Iterator[bytes]:
        try:
            data = b"".join(self._primary.read(first))
            if hashlib.sha256(data).hexdigest() == first.digest:
                return iter([data])
            _fell_back(first, None)
        except _UNREADABLE as error:
            _fell_back(first, error)
        return self._replica.read(second)

    def _pieces(self, pieces: Iterator[bytes], second: BlobRef, start: int, length: int | None) -> Iterator[bytes]:
        """Yield the pieces of the first store; where they break off, go on with those of the replica."""
        done = 0
        try:
            for piece in pieces:
                done += len(piece)
                yield piece
        except _UNREADABLE as error:
            _fell_back(second, error)
            left = None if length is None else length - done
            yield from self._replica.read(second, start=start + done, length=left)


class _Copying(threading.Thread, Generic[Written]):
    """Work beside the caller's. A daemon: a disk that hangs for ever must not keep the process from ending."""

    def __init__(self, work: Callable[[], Written]) -> None:
        super().__init__(name="replica", daemon=True)
        self._work = work
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001  # its caller raises it
            self._error = error

    def result(self, seconds: float) -> Written:
        self.join(seconds)
        if self.is_alive():
            raise TimeoutError("the replica takes too long")
        if self._error is not None:
            raise self._error
        return self._result


def open_marked(folder: Path, open_store: Callable[[Path], BlobStore]) -> BlobStore:
    """Open the store of a replica's folder.

    Raises:
        StoreUnavailable: The folder has no mark: it was never prepared, or its disk is not mounted.
    """
    if not (folder / MARK).is_file():
        raise StoreUnavailable("replica")
    return open_store(folder)


def _parts(ref: BlobRef) -> tuple[BlobRef | None, BlobRef | None]:
    first, _, second = ref.locator.partition(BETWEEN)
    return (replace(ref, locator=first) if first else None, replace(ref, locator=second) if second else None)


def _joined(first: BlobRef | None, second: BlobRef | None) -> BlobRef:
    if first is not None and second is not None:
        return replace(first, locator=f"{first.locator}{BETWEEN}{second.locator}")
    if second is not None:
        return replace(second, locator=f"{BETWEEN}{second.locator}")
    return cast(BlobRef, first)


def _name(ref: BlobRef, about: About) -> tuple[str, str]:
    return about["institution_code"], ref.digest


def _fell_back(ref: BlobRef, error: Exception | None) -> None:
    reason = "changed" if error is None else type(error).__name__
    log.error("read from the replica", extra={"digest": ref.digest, "error": reason})
