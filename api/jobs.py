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
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from api.db.tables import WorkRow

DERIVE = "derive"
READ_PAPER = "read_paper"
NOTIFY = "notify"
REGISTER = "register"
TELL_ORDER = "tell_order"
PREFETCH = "prefetch"
COMMIT = "commit"
DISPOSE = "dispose"
COMPACT = "compact"
STORAGE = "storage"
NORMALISE = "normalise"
RENORMALISE = "renormalise"
KINDS = (
    DERIVE,
    READ_PAPER,
    NOTIFY,
    REGISTER,
    TELL_ORDER,
    PREFETCH,
    COMMIT,
    DISPOSE,
    COMPACT,
    STORAGE,
    NORMALISE,
    RENORMALISE,
)
QUEUES = {
    DERIVE: "derive",
    READ_PAPER: "papers",
    NOTIFY: "notices",
    REGISTER: "platform",
    TELL_ORDER: "orders",
    PREFETCH: "history",
    COMMIT: "dicom",
    DISPOSE: "disposal",
    COMPACT: "compaction",
    STORAGE: "storage",
    NORMALISE: "normalising",
    RENORMALISE: "renormalising",
}

LEASE = timedelta(minutes=3)
_FIRST_RETRY = timedelta(seconds=10)
_LONGEST_RETRY = timedelta(hours=1)
_FARTHEST = timedelta(days=2)
"""Nothing is ever owed for later."""


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work as a job gets it."""

    kind: str
    institution_code: str
    subject: str
    generation: int


def make_broker(redis: Redis) -> RedisBroker:
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
        select(WorkRow)
        .where(WorkRow.kind == kind, WorkRow.institution_code == institution_code, WorkRow.subject == subject)
        .with_for_update()  # a job that ends at this moment must see the new generation
    ).first()
    if row is None:
        session.add(WorkRow(kind=kind, institution_code=institution_code, subject=subject, due_at=due_at))
    else:
        row.due_at = due_at
        row.generation += 1
        row.attempts = 0


def anything_due(session: Session, now: datetime) -> bool:
    """Return whether `lease_due` would find something."""
    return session.scalars(select(WorkRow.id).where(WorkRow.due_at <= now).limit(1)).first() is not None


def lease_due(session: Session, now: datetime, *, kind: str, most: int) -> list[Work]:
    """Return at most so much work of a kind that is due, and lease it, so that it is not called again at once."""
    rows = session.scalars(
        select(WorkRow).where(WorkRow.kind == kind, WorkRow.due_at <= now).order_by(WorkRow.due_at).limit(most)
    ).all()
    for row in rows:
        row.due_at = now + LEASE
    return [Work(row.kind, row.institution_code, row.subject, row.generation) for row in rows]


def release_leases(session: Session, now: datetime) -> None:
    """Make all work due at once: for the start of the only worker, when nobody can be at it."""
    for row in session.scalars(select(WorkRow).where(WorkRow.due_at > now, WorkRow.attempts == 0)):
        row.due_at = now


def recall_far_off(session: Session, now: datetime) -> int:
    """Make due what is owed for a time nobody meant: the clock was wrong when it was written, and was set right."""
    far_off = update(WorkRow).where(WorkRow.due_at > now + _FARTHEST).values(due_at=now).returning(WorkRow.id)
    return len(session.scalars(far_off).all())


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


def room(broker: RedisBroker, kind: str, *, most: int) -> int:
    """Return how many more calls the queue takes. The rest waits in the table, where its lease cannot run out."""
    return max(most - int(broker.do_qsize(QUEUES[kind])), 0)


def renew(session: Session, work: Work, *, until: datetime) -> bool:
    """Lease work until then; return False when it is not owed any more, or changed since."""
    renewed = session.scalars(update(WorkRow).where(*_this(work)).values(due_at=until).returning(WorkRow.id))
    return renewed.first() is not None


def attempts(session: Session, work: Work) -> int:
    """Return how often this failed so far."""
    return session.scalar(select(WorkRow.attempts).where(*_this(work))) or 0


def settle(session: Session, work: Work) -> None:
    """Forget work that is done, unless its subject changed meanwhile."""
    # one statement: between a look and a deletion the subject could change
    session.execute(delete(WorkRow).where(*_this(work)))


def fail(session: Session, work: Work, error: str, now: datetime) -> None:
    """Put failed work off, each time for twice as long, up to an hour; `error` names a type, never data."""
    row = session.scalars(select(WorkRow).where(*_this(work)).with_for_update()).first()
    if row is not None:
        wait = min(_FIRST_RETRY * 2 ** min(row.attempts, 10), _LONGEST_RETRY)
        row.attempts += 1
        row.last_error = error
        row.due_at = now + wait


def _this(work: Work) -> tuple[ColumnElement[bool], ...]:
    return (
        WorkRow.kind == work.kind,
        WorkRow.institution_code == work.institution_code,
        WorkRow.subject == work.subject,
        WorkRow.generation == work.generation,
    )
