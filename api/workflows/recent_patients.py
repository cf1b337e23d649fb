"""Patients whom a doctor had before them in the plugin, kept for a month."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.db.tables import RecentPatientRow
from imaging_core.domain.identifiers import PatientKey

KEPT = timedelta(days=30)


def note_seen(session: Session, account_id: int, institution_code: str, patient: PatientKey, now: datetime) -> None:
    """Keep that a doctor has this patient before them; what is older than a month goes, whoever's it is."""
    session.execute(delete(RecentPatientRow).where(RecentPatientRow.seen_at <= now - KEPT))
    known = session.get(RecentPatientRow, (account_id, patient))
    if known is not None:
        known.seen_at = now
        return
    row = RecentPatientRow(account_id=account_id, patient_key=patient, institution_code=institution_code, seen_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return  # the same doctor's other window was as quick


def recent_patients(
    session: Session, account_id: int, *, since: datetime, limit: int
) -> Sequence[tuple[PatientKey, datetime]]:
    """Return whom a doctor had before them after `since` and when last, the latest first."""
    recent = (
        select(RecentPatientRow)
        .where(RecentPatientRow.account_id == account_id, RecentPatientRow.seen_at > since)
        .order_by(RecentPatientRow.seen_at.desc())
        .limit(limit)
    )
    return [(PatientKey(row.patient_key), row.seen_at) for row in session.scalars(recent)]
