"""`Scrub`: every stored byte read again and held against its digest, some at a time, for ever.

A walk over all rows that name bytes. Where a copy is not right it is written anew from another that is, or from a
backup; what was found is kept as a row, in the transaction that moves the index to the repaired copy.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore, Copy
from imaging_core.blobs.filesystem import ref_of
from imaging_core.errors import BlobMissing, ImagingError
from imaging_core.index.holdings import Holding, Place, move, next_holdings, still_named
from imaging_core.scrub.copies import Condition, Source, condition_in, condition_of, copies_of, store_of, write_anew
from imaging_core.scrub.progress import load, moment, save
from imaging_core.scrub.tables import DamageRow

log = logging.getLogger(__name__)

TASK = "scrub"
_ROWS = 200
Told = Callable[[Session, DamageRow], None]


@dataclass(slots=True)
class Scrubbed:
    """What one call did. `out_of_reach`: copies whose store did not answer; they are looked at in the next pass."""

    blobs: int = 0
    bytes: int = 0
    damaged: int = 0
    repaired: int = 0
    copied: int = 0
    """Copies that were never written before."""
    out_of_reach: int = 0
    pass_done: bool = False

    def add(self, other: "Scrubbed") -> None:
        """Count what another call did too."""
        self.blobs += other.blobs
        self.bytes += other.bytes
        self.damaged += other.damaged
        self.repaired += other.repaired
        self.copied += other.copied
        self.out_of_reach += other.out_of_reach
        self.pass_done = other.pass_done


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the scrub stands."""

    pass_began: datetime | None
    pass_blobs: int
    pass_bytes: int
    last_full_pass: datetime | None
    blobs: int
    bytes: int
    damaged: int
    repaired: int
    unrepaired: int
    verified_since: datetime | None
    """Every byte that is older was verified since then."""


class Scrub:
    """Reads stored bytes again. One at a time in an installation."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        reads: sessionmaker[Session],
        writes: sessionmaker[Session],
        clock: Callable[[], datetime],
        told: Told = lambda _session, _damage: None,
        backup: Source | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            blobs: The store.
            reads: Opens sessions that read.
            writes: Opens sessions that write.
            clock: Gives the aware time.
            told: Called for each damage, in the transaction that keeps it.
            backup: Where to take right bytes from when no copy is right: files named by digest.
        """
        self._blobs = blobs
        self._reads = reads
        self._writes = writes
        self._clock = clock
        self._told = told
        self._backup = backup

    def some(self, *, most_bytes: int, pace: Callable[[int], None] = lambda _bytes: None) -> Scrubbed:
        """Go on where the last call stopped, until so many bytes are read or the pass is done.

        Killed in the middle, it reads again what it had read since the call began. `pace` is called with the bytes
        just read, and may wait.
        """
        done, place = Scrubbed(), self._begin()
        while done.bytes < most_bytes and not done.pass_done:
            with self._reads() as session:
                holdings, after = next_holdings(session, place, most=_ROWS)
            if after is None:
                done.pass_done = True
            for holding in holdings:
                before = done.bytes
                self._look_at(holding, done)
                place = Place(holding.table, holding.key)
                pace(done.bytes - before)
                if done.bytes >= most_bytes:
                    break
        self._write_down(place, done)
        return done

    def _begin(self) -> Place:
        with self._writes.begin() as session:
            state = load(session, TASK)
            if "pass_began" not in state:
                save(session, TASK, state | _new_pass(self._clock()), self._clock())
                return Place()
            return Place(*state["place"])

    def _write_down(self, place: Place, done: Scrubbed) -> None:
        now = self._clock()
        with self._writes.begin() as session:
            state = load(session, TASK)
            for name, count in (("blobs", done.blobs), ("bytes", done.bytes)):
                state[name] = state.get(name, 0) + count
                state[f"pass_{name}"] += count
            state["place"] = [place.table, place.key]
            if done.pass_done:
                state |= {"last_pass_began": state["pass_began"], "last_full_pass": now.isoformat()} | _new_pass(now)
            save(session, TASK, state, now)

    def _look_at(self, holding: Holding, done: Scrubbed) -> None:
        copies = copies_of(self._blobs, holding.ref)
        conditions = [condition_of(self._blobs, copy) for copy in copies]
        done.blobs += 1
        done.bytes += holding.ref.size * sum(condition is not Condition.NEVER_WRITTEN for condition in conditions)
        done.out_of_reach += conditions.count(Condition.OUT_OF_REACH)
        if all(condition in (Condition.RIGHT, Condition.OUT_OF_REACH) for condition in conditions):
            return
        right = [copy for copy, condition in zip(copies, conditions, strict=True) if condition is Condition.RIGHT]
        ref = holding.ref
        for copy, condition in zip(copies, conditions, strict=True):
            if condition.is_damage or condition is Condition.NEVER_WRITTEN:
                ref = self._mend(holding, ref, copy, condition, right, done)

    def _mend(
        self, holding: Holding, ref: BlobRef, copy: Copy, condition: Condition, right: list[Copy], done: Scrubbed
    ) -> BlobRef:
        """Write a copy anew and keep what was found; return the reference of the blob then."""
        new, source = ref, ""
        with self._reads() as session:
            if not still_named(session, holding) and ref == holding.ref:
                return ref  # moved or given up since the row was read
        try:
            new, source = self._written_anew(holding, ref, copy, right)
        except (ImagingError, OSError) as error:
            log.error("a copy cannot be written anew", extra={"digest": ref.digest, "error": type(error).__name__})
        with self._writes.begin() as session:
            gone = new != ref and move(session, ref, new) == 0
            if condition.is_damage and not gone:
                self._keep_damage(session, holding, copy, condition, source)
        if gone:
            self._give_up(new, copy.name)  # the row was disposed of meanwhile
            return ref
        if condition is Condition.NEVER_WRITTEN:
            done.copied += bool(source)
            return new
        done.damaged += 1
        done.repaired += bool(source)
        if source and new != ref:
            self._give_up(ref, copy.name)
        return new

    def _give_up(self, ref: BlobRef, name: str) -> None:
        """Remove a record that nothing names any more."""
        for copy in copies_of(self._blobs, ref):
            if copy.name == name and copy.ref is not None and "@" in copy.ref.locator:
                store_of(self._blobs, copy).remove(copy.ref)

    def _written_anew(self, holding: Holding, ref: BlobRef, copy: Copy, right: list[Copy]) -> tuple[BlobRef, str]:
        for one in right:
            if one.ref is not None:
                source = store_of(self._blobs, one)
                return write_anew(self._blobs, holding, ref, copy, source, one.ref), one.name
        if self._backup is None:
            raise BlobMissing(ref.digest)
        good = ref_of(ref.digest, ref.size)
        if condition_in(self._backup, good) is not Condition.RIGHT:
            raise BlobMissing(ref.digest)
        return write_anew(self._blobs, holding, ref, copy, self._backup, good), "backup"

    def _keep_damage(self, session: Session, holding: Holding, copy: Copy, condition: Condition, source: str) -> None:
        now = self._clock()
        log.error(
            "stored bytes are damaged",
            extra={"digest": holding.ref.digest, "copy": copy.name, "fault": str(condition), "repaired_from": source},
        )
        known = session.scalars(
            select(DamageRow).where(
                DamageRow.digest == holding.ref.digest, DamageRow.copy == copy.name, DamageRow.repaired_at.is_(None)
            )
        ).first()
        damage = known or DamageRow(
            institution_code=holding.institution_code,
            digest=holding.ref.digest,
            bytes=holding.ref.size,
            copy=copy.name,
            fault=str(condition),
            found_at=now,
        )
        if source:
            damage.repaired_from, damage.repaired_at = source, now
        if known is None:
            session.add(damage)
        if known is None or source:
            self._told(session, damage)


def standing(session: Session) -> Standing:
    """Return where the scrub stands."""
    state = load(session, TASK)
    damaged, repaired = session.execute(select(func.count(DamageRow.id), func.count(DamageRow.repaired_at))).one()
    return Standing(
        pass_began=moment(state.get("pass_began")),
        pass_blobs=state.get("pass_blobs", 0),
        pass_bytes=state.get("pass_bytes", 0),
        last_full_pass=moment(state.get("last_full_pass")),
        blobs=state.get("blobs", 0),
        bytes=state.get("bytes", 0),
        damaged=damaged,
        repaired=repaired,
        unrepaired=damaged - repaired,
        # what a pass has not reached yet was verified when the one before went by, at its beginning at the earliest
        verified_since=moment(state.get("last_pass_began")),
    )


def _new_pass(now: datetime) -> dict[str, Any]:
    return {"pass_began": now.isoformat(), "place": ["", 0], "pass_blobs": 0, "pass_bytes": 0}
