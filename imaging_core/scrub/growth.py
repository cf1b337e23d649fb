"""How fast the archive grows, day by day, from the index; and when a disk will be full."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.index.tables import InstanceRow
from imaging_core.scrub.progress import load, save

TASK: Final = "growth"
_ROWS: Final = 50_000
_DAYS_KEPT: Final = 400
_WINDOW: Final = 30


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes that came in on each day, newest last, and all of them together."""

    days: Mapping[date, int]
    bytes: int
    instances: int

    def per_day(self, today: date) -> float:
        """Return the mean of the last 30 whole days, or of as many as there are."""
        began = min(self.days, default=today)
        days = min((today - began).days, _WINDOW)
        if days < 1:
            return float(self.days.get(today, 0))
        return sum(self.days.get(today - timedelta(days=back), 0) for back in range(1, days + 1)) / days

    def days_left(self, free: int, today: date) -> float | None:
        """Return in how many days so much room is used up; None while nothing comes in."""
        per_day = self.per_day(today)
        return free / per_day if per_day > 0 else None


def count_growth(*, reads: sessionmaker[Session], writes: sessionmaker[Session], now: datetime) -> Growth:
    """Count what came in since the last call. Killed in the middle, it counts that again the next time."""
    with reads() as session:
        state = load(session, TASK)
    cursor, days = state.get("cursor", 0), {**state.get("days", {})}
    total, instances = state.get("bytes", 0), state.get("instances", 0)
    wanted = select(InstanceRow.id, InstanceRow.received_at, InstanceRow.blob_size).order_by(InstanceRow.id)
    while True:
        with reads() as session:
            rows = session.execute(wanted.where(InstanceRow.id > cursor).limit(_ROWS)).all()
        for key, received_at, size in rows:
            day = received_at.date().isoformat()
            days[day] = days.get(day, 0) + size
            total, cursor = total + size, key
        instances += len(rows)
        if len(rows) < _ROWS:
            break
    kept = dict(sorted(days.items())[-_DAYS_KEPT:])
    with writes.begin() as session:
        save(session, TASK, {"cursor": cursor, "days": kept, "bytes": total, "instances": instances}, now)
        return growth(session)


def growth(session: Session) -> Growth:
    """Return what was counted last."""
    state = load(session, TASK)
    days = {date.fromisoformat(day): size for day, size in state.get("days", {}).items()}
    return Growth(days, state.get("bytes", 0), state.get("instances", 0))
