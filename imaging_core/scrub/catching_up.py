"""Copies that a replica never got: while it was down, or from before there was one."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, Copy, NewBlob, ReplicatedBlobStore
from imaging_core.blobs.replicated import CHECKED_BYTES
from imaging_core.errors import BlobMissing
from imaging_core.index.holdings import Holding, blob_tables, count_without_copy, move, next_in_table
from imaging_core.scrub.copies import write_anew
from imaging_core.scrub.progress import load, moment, save

TASK = "replica"
_ROWS: Final = 500
_AT_ONCE: Final = 64
_AT_ONCE_BYTES: Final = 32 * 1024 * 1024
_SETTLED: Final = timedelta(minutes=10)
"""Rows with lower numbers may still be committed so long; a cursor does not pass what is younger."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What one call did. `lost`: blobs that the first store does not hold as they should be: the scrub's matter."""

    copied: int
    lacking: int
    lost: int

    @property
    def is_complete(self) -> bool:
        """Whether everything has its copy, as far as it can."""
        return self.lacking == 0


@dataclass(frozen=True, slots=True)
class ReplicaStanding:
    """What is known of the replica."""

    lacking: int
    """Blobs without copy when it was counted last."""
    counted_at: datetime | None
    complete_at: datetime | None
    """When everything had its copy last."""


def catch_up(
    blobs: ReplicatedBlobStore,
    *,
    reads: sessionmaker[Session],
    writes: sessionmaker[Session],
    now: datetime,
    most_bytes: int,
    going_on: Callable[[], bool] = lambda: True,
) -> CaughtUp:
    """Copy to the replica what it lacks, some at a time, and move the index to what has two copies.

    Killed at any moment it goes on where it stopped; what was copied and not yet written down is copied again.

    Raises:
        StoreUnavailable: The replica cannot be written; what is lacking is counted all the same.
        StorageFull: It has no room.
    """
    with reads() as session:
        cursors: dict[str, int] = load(session, TASK).get("cursors", {})
    copied = lost = 0
    try:
        for table in blob_tables():
            left = True
            while left and most_bytes > 0 and going_on():
                with reads() as session:
                    holdings = next_in_table(session, table, cursors.get(table, 0), most=_ROWS)
                lacking = [one for one in holdings if any(copy.ref is None for copy in blobs.copies(one.ref))]
                for group in _groups(lacking):
                    moved = _copy(blobs, group)
                    lost += len(group) - len(moved)
                    copied += len(moved)
                    most_bytes -= sum(one.ref.size for one in group)
                    with writes.begin() as session:
                        for old, new in moved:
                            move(session, old, new)
                settled = [one for one in holdings if one.received_at is None or one.received_at < now - _SETTLED]
                left = len(settled) == len(holdings) == _ROWS
                if settled:
                    cursors[table] = settled[-1].key
    finally:
        lacking_now = _write_down(writes, cursors, now)
    return CaughtUp(copied, lacking_now, lost)


def replica_standing(session: Session) -> ReplicaStanding:
    """Return what is known of the replica."""
    state = load(session, TASK)
    return ReplicaStanding(state.get("lacking", 0), moment(state.get("counted_at")), moment(state.get("complete_at")))


def _copy(blobs: ReplicatedBlobStore, group: Sequence[Holding]) -> list[tuple[BlobRef, BlobRef]]:
    """Return old and new references of what could be copied."""
    together = [(one, content) for one in group if (content := _content(blobs, one)) is not None]
    new = blobs.side("replica").add([NewBlob((content,), one.about or {}) for one, content in together])
    moved = [
        (one.ref, blobs.with_copy(one.ref, Copy("replica", ref))) for (one, _), ref in zip(together, new, strict=True)
    ]
    done = {one.key for one, _ in together}
    for one in (one for one in group if one.key not in done):
        good, lacking = sorted(blobs.copies(one.ref), key=lambda copy: copy.ref is None)
        if good.ref is not None:
            with suppress(BlobMissing):
                moved.append((one.ref, write_anew(blobs, one, one.ref, lacking, blobs.side(good.name), good.ref)))
    return moved


def _content(blobs: ReplicatedBlobStore, holding: Holding) -> bytes | None:
    """Return the bytes of an instance that the log of the replica can take, if the first store has them unchanged."""
    first, second = blobs.copies(holding.ref)
    if holding.about is None or holding.ref.size > CHECKED_BYTES or first.ref is None or second.ref is not None:
        return None
    try:
        content = b"".join(blobs.side(first.name).read(first.ref))
    except (BlobMissing, OSError):
        return None
    return content if hashlib.sha256(content).hexdigest() == holding.ref.digest else None


def _groups(holdings: Sequence[Holding]) -> Iterator[list[Holding]]:
    group: list[Holding] = []
    for one in holdings:
        group.append(one)
        if len(group) == _AT_ONCE or sum(each.ref.size for each in group) >= _AT_ONCE_BYTES:
            yield group
            group = []
    if group:
        yield group


def _write_down(writes: sessionmaker[Session], cursors: dict[str, int], now: datetime) -> int:
    with writes.begin() as session:
        lacking = sum(count_without_copy(session, table, cursors.get(table, 0)) for table in blob_tables())
        state: dict[str, Any] = {"cursors": cursors, "lacking": lacking, "counted_at": now.isoformat()}
        complete = now.isoformat() if lacking == 0 else load(session, TASK).get("complete_at")
        save(session, TASK, state | {"complete_at": complete}, now)
    return lacking
