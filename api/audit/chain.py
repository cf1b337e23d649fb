"""Sealing and verifying the audit chain.

Acts write their event in their own transaction, so an act without its record cannot be committed.
A single writer then seals events in batches: link n holds HMAC(key, seal n-1 ‖ event n). The key lives
outside the database: who can write rows still cannot forge a seal. Events wait a few seconds at most
for their seal; `verify` counts those still open.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, insert, select
from sqlalchemy.orm import Session

from api.db.tables import AuditEventRow, AuditLinkRow

GENESIS = "0" * 64
SEALED_AT_ONCE = 1000
MAY_WAIT = timedelta(minutes=10)
"""No act takes longer between the time it notes and its commit."""


Sealed = AuditEventRow | Row[Any]
"""An event: the entity, or a row of its columns."""


def canonical(event: Sealed) -> bytes:
    """Return the bytes that are sealed: all columns, keys sorted, times in UTC to the microsecond."""
    fields = {
        "id": event.id,
        "institution_code": event.institution_code,
        "at": event.at.isoformat(timespec="microseconds"),
        "actor_kind": event.actor_kind,
        "actor": event.actor,
        "action": event.action,
        "object_kind": event.object_kind,
        "object_id": event.object_id,
        "outcome": event.outcome,
        "detail": event.detail,
    }
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def next_seal(key: bytes, previous: str, event: Sealed) -> str:
    """Return the seal of an event that follows the link sealed `previous`."""
    return hmac.new(key, bytes.fromhex(previous) + canonical(event), hashlib.sha256).hexdigest()


def anything_unsealed(session: Session, since: datetime | None = None) -> bool:
    """Return whether `seal_pending` would find something."""
    return session.scalars(_unsealed(since).with_only_columns(AuditEventRow.id).limit(1)).first() is not None


def seal_pending(session: Session, key: bytes, *, since: datetime | None = None) -> tuple[int, int]:
    """Seal events that have no link yet, oldest first; return how many, and the last link.

    Only one writer may run this. `since` spares it the events before, of which all are known to be sealed:
    without it the whole trail is looked through.
    """
    last = session.scalars(select(AuditLinkRow).order_by(AuditLinkRow.sequence.desc()).limit(1)).first()
    sequence, seal = (last.sequence, last.seal) if last else (0, GENESIS)
    columns = AuditEventRow.__table__.c
    oldest = _unsealed(since).with_only_columns(*columns).order_by(columns.at, columns.id).limit(SEALED_AT_ONCE)
    pending = session.execute(oldest).all()
    links: list[dict[str, Any]] = []
    for event in pending:
        sequence += 1
        seal = next_seal(key, seal, event)
        links.append({"sequence": sequence, "event_id": event.id, "seal": seal})
    if links:
        session.execute(insert(AuditLinkRow), links)
    return len(pending), sequence


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verification found. `faults` name the link and what is wrong with it."""

    sealed: int
    open: int
    faults: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, removed or inserted."""
        return not self.faults


def verify(session: Session, key: bytes, now: datetime, *, head: int = 0) -> ChainReport:
    """Walk the whole chain and compare every seal; rows are streamed, memory stays flat.

    `head` is the last link known from outside the database (see `api/audit/anchor.py`): a chain that
    ends before it was cut off.
    """
    faults: list[str] = []
    expected, seal = 1, GENESIS
    for link, event in _links_with_events(session):
        if link.sequence != expected:
            faults.append(f"link {expected} is missing")
            expected = link.sequence
        if event is None:
            faults.append(f"link {link.sequence}: its event {link.event_id} was removed")
        elif not hmac.compare_digest(next_seal(key, seal, event), link.seal):
            faults.append(f"link {link.sequence}: event {link.event_id} was changed, or a link before it")
        seal = link.seal
        expected += 1
    if expected - 1 < head:
        faults.append(f"the chain ends at {expected - 1}, it had {head} links")
    open_events, overdue = _open_events(session, now - MAY_WAIT)
    if overdue:
        faults.append(f"{overdue} events older than {MAY_WAIT} have no seal")
    return ChainReport(sealed=expected - 1, open=open_events, faults=tuple(faults))


def _links_with_events(session: Session) -> Iterator[tuple[AuditLinkRow, AuditEventRow | None]]:
    statement = (
        select(AuditLinkRow, AuditEventRow)
        .outerjoin(AuditEventRow, AuditEventRow.id == AuditLinkRow.event_id)
        .order_by(AuditLinkRow.sequence)
        .execution_options(yield_per=SEALED_AT_ONCE)
    )
    for link, event in session.execute(statement):
        yield link, event
        session.expunge(link)
        if event is not None:
            session.expunge(event)


def _unsealed(since: datetime | None) -> Select[AuditEventRow]:
    unsealed = (
        select(AuditEventRow)
        .outerjoin(AuditLinkRow, AuditLinkRow.event_id == AuditEventRow.id)
        .where(AuditLinkRow.event_id.is_(None))
    )
    return unsealed if since is None else unsealed.where(AuditEventRow.at >= since)


def _open_events(session: Session, overdue_before: datetime) -> tuple[int, int]:
    times = session.scalars(_unsealed(None).with_only_columns(AuditEventRow.at)).all()
    return len(times), sum(at < overdue_before for at in times)
