"""Cursor and figures of a task of upkeep, as one small document."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from imaging_core.scrub.tables import UpkeepRow


def load(session: Session, task: str) -> dict[str, Any]:
    """Return what a task wrote down last; empty before its first time."""
    row = session.get(UpkeepRow, task)
    return {} if row is None else dict(row.value)


def save(session: Session, task: str, value: dict[str, Any], now: datetime) -> None:
    """Write down how far a task has come."""
    session.merge(UpkeepRow(task=task, value=value, changed_at=now))


def moment(text: str | None) -> datetime | None:
    """Return a time that was written down."""
    return None if text is None else datetime.fromisoformat(text)
