"""Reminders of today: what was ordered since midnight and repeats something."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from api.accounts.tables import AccountRow
from imaging_core.domain.identifiers import PatientKey
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders import Level
from imaging_core.reminders.tables import OrderCheckRow

_MOST_CHECKS = 200
_HIS_NAMES = ("", "Practitioner/", "PractitionerRole/")


@dataclass(frozen=True, slots=True)
class Reminder:
    """An item ordered today that repeats something."""

    item: str
    level: Level
    decided: bool
    checked_at: datetime
    priors: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class DoctorsReminder:
    """A reminder and whom it is about: None when nobody of that number is registered."""

    reminder: Reminder
    patient: PatientKey | None
    name: str | None = field(repr=False)


def midnight(now: datetime) -> datetime:
    """Return when today began in China."""
    return now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)


def todays_checks(institution_code: str, now: datetime) -> Select[OrderCheckRow]:
    """Select the orders of an institution that were checked today, the latest first."""
    return (
        select(OrderCheckRow)
        .where(OrderCheckRow.institution_code == institution_code, OrderCheckRow.checked_at >= midnight(now))
        .order_by(OrderCheckRow.checked_at.desc())
    )


def reminders_in(check: OrderCheckRow) -> Iterator[Reminder]:
    """Yield what an order repeats."""
    for item in check.items:
        if item.level != Level.NONE.name.lower():
            yield Reminder(
                item=item.name,
                level=Level[item.level.upper()],
                decided=item.decision is not None,
                checked_at=check.checked_at,
                priors=tuple(item.priors),
            )


def doctors_reminders(
    session: Session, account: AccountRow, opened_today: Collection[PatientKey], now: datetime
) -> list[DoctorsReminder]:
    """Return today's reminders of a doctor: of orders that name the account, and of patients opened today."""
    code = account.institution_code
    opened = select(PatientRow.patient_id).where(PatientRow.id.in_(opened_today))
    numbers = session.scalars(opened.where(PatientRow.institution_code == code)).all()
    # An order names the doctor as the HIS does, often in capitals; a login is kept in lower case.
    names = [prefix + login for prefix in _HIS_NAMES for login in (account.login, account.login.upper())]
    theirs = or_(OrderCheckRow.ordered_by.in_(names), OrderCheckRow.patient_id.in_(numbers))
    checks = session.scalars(todays_checks(code, now).where(theirs).limit(_MOST_CHECKS)).all()
    registered = select(PatientRow).where(
        PatientRow.institution_code == code, PatientRow.patient_id.in_({check.patient_id for check in checks})
    )
    patients = {row.patient_id: row for row in session.scalars(registered)}
    return [
        DoctorsReminder(reminder, PatientKey(row.id) if row else None, row.name if row else None)
        for check in checks
        for row in [patients.get(check.patient_id)]
        for reminder in reminders_in(check)
    ]
