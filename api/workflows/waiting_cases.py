"""What waits for a person's decision, from the archive and from the service's own work."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.tables import WorkRow
from api.messages import cases as words
from imaging_core.index.tables import StudyRow
from imaging_core.interop.regional.tables import OrderTellingRow, RegistrationRow
from imaging_core.reminders.tables import OrderCheckRow
from imaging_core.worklist.errors import ItemGone
from imaging_core.worklist.items import Item, ItemKind, archive_items, undecided

_FAILS_AGAIN = 3


def waiting_cases(session: Session, code: str, now: datetime) -> list[Item]:
    """Return all that waits, longest first."""
    own = [*_work(session, code), *_refused_orders(session, code), *_refused_studies(session, code)]
    found = [*archive_items(session, code, now), *undecided(session, code, own)]
    return sorted(found, key=lambda item: item.since)


def waiting_case(session: Session, code: str, now: datetime, *, kind: ItemKind, subject: str) -> Item:
    """Return one of them. Raises `ItemGone` when it does not wait any more."""
    found = (item for item in waiting_cases(session, code, now) if (item.kind, item.subject) == (kind, subject))
    item = next(found, None)
    if item is None:
        raise ItemGone
    return item


def _work(session: Session, code: str) -> Iterator[Item]:
    rows = session.scalars(select(WorkRow).where(WorkRow.institution_code == code, WorkRow.attempts >= _FAILS_AGAIN))
    for row in rows:
        yield Item(
            ItemKind.FAILED_WORK,
            f"{row.kind} {row.subject}",
            "failed",
            row.due_at,
            state=str(row.generation),
            text=words.failed(row.attempts),
            count=row.attempts,
        )


def _refused_orders(session: Session, code: str) -> Iterator[Item]:
    rows = session.execute(
        select(OrderTellingRow, OrderCheckRow.patient_id)
        .join(OrderCheckRow, OrderCheckRow.view_record_id == OrderTellingRow.view_record_id)
        .where(OrderTellingRow.institution_code == code, OrderTellingRow.state == "refused")
    )
    for row, patient_id in rows:
        yield Item(
            ItemKind.REFUSED_BY_PLATFORM,
            f"order {row.view_record_id}",
            "refused",
            row.changed_at,
            state=row.changed_at.isoformat(),
            text=words.refused(row.reason),
            patient_id=patient_id,
        )


def _refused_studies(session: Session, code: str) -> Iterator[Item]:
    rows = session.execute(
        select(RegistrationRow, StudyRow)
        .join(
            StudyRow,
            (StudyRow.institution_code == RegistrationRow.institution_code)
            & (StudyRow.study_instance_uid == RegistrationRow.study_instance_uid),
        )
        .where(RegistrationRow.institution_code == code, RegistrationRow.state == "refused")
    )
    for row, study in rows:
        yield Item(
            ItemKind.REFUSED_BY_PLATFORM,
            study.study_instance_uid,
            "refused",
            row.changed_at,
            state=row.changed_at.isoformat(),
            text=words.refused(row.reason),
            patient_id=study.patient_id,
            accession_number=study.accession_number,
            modalities=tuple(study.modalities),
            study_date=study.study_date,
            count=study.instance_count,
        )
