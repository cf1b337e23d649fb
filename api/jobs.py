"""Work that outlives the queue.

What has to be done stands in the `work` table, written in the transaction that caused it (or by the
reader of the change feed). The queue in Redis only carries the call; a row whose lease ran out is
called again, so neither a lost queue nor a killed worker loses work. Every job may run twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.tables import WorkRow

DERIVE = "derive"
READ_PAPER = "read_paper"
KINDS = (DERIVE, READ_PAPER)
QUEUES = {DERIVE: "derive", READ_PAPER: "papers"}

LEASE = timedelta(minutes=3)
_FIRST_RETRY = timedelta(seconds=10)
_LONGEST_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work as a job gets it."""

    kind: str
    institution_code: str
    subject: str
    generation: int


def make_broker(redis: "Redis[bytes]") -> RedisBroker:
    """Return the queue. Retries are ours (see `fail`), so dramatiq's own are left out."""
    broker = RedisBroker(
        client=redis, middleware=[dramatiq.middleware.TimeLimit(), dramatiq.middleware.ShutdownNotifications()]
    )
    for queue in QUEUES.values():
        broker.declare_queue(queue)
    return broker


def owe(session: Session, *, kind: str, institution_code: str, subject: str, due_at: datetime) -> None:
    """Note that work is due; work already owed is put off to the later time and gets a new generation."""
    row = session.scalars(
        select(WorkRow).where(
            WorkRow.kind == kind, WorkRow.institution_code == institution_code, WorkRow.subject == subject
        )
    ).first()
    if row is None:
        session.add(WorkRow(kind=kind, institution_code=institution_code, subject=subject, due_at=due_at))
    else:
        row.due_at = due_at
        row.generation += 1


def lease_due(session: Session, now: datetime, *, most: int = 100) -> list[Work]:
    """Return work that is due and lease it, so that it is not called again at once."""
    rows = session.scalars(select(WorkRow).where(WorkRow.due_at <= now).order_by(WorkRow.due_at).limit(most)).all()
    for row in rows:
        row.due_at = now + LEASE
    return [Work(row.kind, row.institution_code, row.subject, row.generation) for row in rows]


def release_leases(session: Session, now: datetime) -> None:
    """Make all work due at once: for the start of the only worker, when nobody can be at it."""
    for row in session.scalars(select(WorkRow).where(WorkRow.due_at > now, WorkRow.attempts == 0)):
        row.due_at = now


def send(broker: RedisBroker, works: Iterable[Work]) -> None:
    """Call the jobs."""
    for work in works:
        broker.enqueue(
            dramatiq.Message(
                queue_name=QUEUES[work.kind],
                actor_name=work.kind,
                args=(work.institution_code, work.subject, work.generation),
                kwargs={},
                options={},
            )
        )


def settle(session: Session, work: Work) -> None:
    """Forget work that is done, unless its subject changed meanwhile."""
    row = _row(session, work)
    if row is not None and row.generation == work.generation:
        session.delete(row)


def fail(session: Session, work: Work, error: str, now: datetime) -> None:
    """Put failed work off, each time for twice as long, up to an hour; `error` names a type, never data."""
    row = _row(session, work)
    if row is not None:
        wait = min(_FIRST_RETRY * 2 ** min(row.attempts, 10), _LONGEST_RETRY)
        row.attempts += 1
        row.last_error = error
        row.due_at = now + wait


def _row(session: Session, work: Work) -> WorkRow | None:
    return session.scalars(
        select(WorkRow).where(
            WorkRow.kind == work.kind,
            WorkRow.institution_code == work.institution_code,
            WorkRow.subject == work.subject,
        )
    ).first()
