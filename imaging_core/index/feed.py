"""The change feed: read by consumers from their own cursors, in the order of commits.

Changes are added as `ChangeRow` in the transaction of what they tell of. A consumer reads, does its work, then
advances; after a crash it sees the same changes again, so its work must be repeatable.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging_core.index.tables import ChangeRow, FeedCursorRow

INSTANCE_STORED: Final = "instance_stored"
"""A current instance was added to a study; the only change that asks for new derived objects."""
INSTANCE_CONFLICT: Final = "instance_conflict"
"""The same UID came with other content; `subject` is the SOP Instance UID, a person must decide."""


class Change(NamedTuple):
    """One change; see `ChangeRow`. No entity: an archive that takes in thousands a minute reads each several times."""

    sequence: int
    institution_code: str
    kind: str
    study_instance_uid: str | None
    subject: str
    at: datetime


_COLUMNS: Final = [getattr(ChangeRow, name) for name in Change._fields]


def read_after(session: Session, consumer: str, limit: int = 500) -> Sequence[Change]:
    """Return the next changes this consumer has not passed, oldest first."""
    passed = select(FeedCursorRow.sequence).where(FeedCursorRow.consumer == consumer).scalar_subquery()
    rows = session.execute(
        select(*_COLUMNS).where(ChangeRow.sequence > func.coalesce(passed, 0)).order_by(ChangeRow.sequence).limit(limit)
    )
    return [Change(*row) for row in rows]


def advance(session: Session, consumer: str, sequence: int) -> None:
    """Let the consumer's cursor stand at `sequence`; it never goes back."""
    cursor = session.get(FeedCursorRow, consumer, with_for_update=True)
    if cursor is None:
        session.add(FeedCursorRow(consumer=consumer, sequence=sequence))
    elif cursor.sequence < sequence:
        cursor.sequence = sequence
    session.flush()


def waiting(session: Session, consumer: str) -> int:
    """Return how many changes the consumer has not passed."""
    passed = select(FeedCursorRow.sequence).where(FeedCursorRow.consumer == consumer).scalar_subquery()
    count = select(func.count()).select_from(ChangeRow).where(ChangeRow.sequence > func.coalesce(passed, 0))
    return session.scalars(count).one()


def last_image_change(session: Session, institution_code: str, study_instance_uid: str) -> int:
    """Return the sequence of the newest change of a study's images, 0 when there is none.

    Compare with `StudyRow.derived_through`: when it is smaller, derived objects are being made anew.
    """
    newest = select(func.coalesce(func.max(ChangeRow.sequence), 0)).where(
        ChangeRow.institution_code == institution_code,
        ChangeRow.study_instance_uid == study_instance_uid,
        ChangeRow.kind == INSTANCE_STORED,
    )
    return session.scalars(newest).one()
