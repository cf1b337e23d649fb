"""What desks report, and what is known of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.workstations.tables import WorkstationRow

REPORT_SECONDS = 120
"""How often a desk reports itself: at 5,000 desks, 40 small writes a second."""
_SILENT_AFTER = timedelta(seconds=2 * REPORT_SECONDS + 60)  # one lost report is no desk switched off
MOST_WORKSTATIONS = 20_000
"""Of one institution: a stolen key must not fill the table."""


class TooManyWorkstations(Exception):
    """An institution has as many desks on record as are kept."""


class Condition(StrEnum):
    """What an administrator looks for."""

    ONLINE = "online"
    OFFLINE = "offline"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class Report:
    """What a desk says of itself."""

    workstation_id: str
    label: str
    version: str
    os: str
    wakes: int


def newest_version() -> str:
    """Return the version of the shell that belongs to this service."""
    return version("mingying")


def take_report(session: Session, institution_code: str, report: Report, now: datetime) -> tuple[WorkstationRow, bool]:
    """Keep a report; return the desk, and whether it is a new one.

    Raises:
        TooManyWorkstations: it would be one too many.
    """
    row, is_new = _row(session, institution_code, report, now)
    if report.wakes > row.wakes:
        row.last_woken_at = now
    row.label, row.version, row.os, row.wakes, row.last_seen_at = (
        report.label,
        report.version,
        report.os,
        report.wakes,  # fewer than before when its state was lost: counted on from there
        now,
    )
    return row, is_new


def _row(session: Session, code: str, report: Report, now: datetime) -> tuple[WorkstationRow, bool]:
    found = find_workstation(session, code, report.workstation_id)
    if found is not None:
        return found, False
    here = select(func.count()).select_from(WorkstationRow).where(WorkstationRow.institution_code == code)
    if session.scalars(here).one() >= MOST_WORKSTATIONS:
        raise TooManyWorkstations
    row = WorkstationRow(
        institution_code=code,
        workstation_id=report.workstation_id,
        label=report.label,
        version=report.version,
        os=report.os,
        first_seen_at=now,
        last_seen_at=now,
        wakes=0,
        history_reminders=True,
        duplicate_reminders=True,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # two first reports at once: the other one was faster
        other = find_workstation(session, code, report.workstation_id)
        if other is None:
            raise
        return other, False
    return row, True


def find_workstation(session: Session, institution_code: str, workstation_id: str) -> WorkstationRow | None:
    """Return a desk of an institution, for a change."""
    mine = select(WorkstationRow).where(
        WorkstationRow.institution_code == institution_code, WorkstationRow.workstation_id == workstation_id
    )
    return session.scalars(mine.with_for_update()).first()


def is_online(row: WorkstationRow, now: datetime) -> bool:
    """Return whether a desk reported itself lately."""
    return now - row.last_seen_at <= _SILENT_AFTER


def is_outdated(row: WorkstationRow, newest: str) -> bool:
    """Return whether a newer shell belongs to this service than the desk runs."""
    return _numbers(row.version) < _numbers(newest)


def fits(row: WorkstationRow, condition: Condition | None, now: datetime) -> bool:
    """Return whether a desk is in the condition looked for."""
    if condition is Condition.OUTDATED:
        return is_outdated(row, newest_version())
    return condition is None or is_online(row, now) == (condition is Condition.ONLINE)


def _numbers(named: str) -> tuple[int, ...]:
    return tuple(int(part) for part in named.split("."))
