"""What came in and waits for a person's decision, from all places where it may lie."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.tables import WorkRow
from api.messages import cases as words
from imaging_core.index.tables import InstanceRow, QuarantineRow, SeriesRow, StudyRow
from imaging_core.interop.regional.tables import OrderTellingRow, RegistrationRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.tables import OrderCheckRow
from imaging_core.reports.tables import ReportRow

_ARRIVES_LATER = timedelta(minutes=15)
"""Images, registration and report come one after another: before that nobody needs to look."""
_FAILS_AGAIN = 3


class CaseKind(StrEnum):
    """Why something waits."""

    QUARANTINE = "quarantine"
    CONFLICT = "conflict"
    UNMATCHED_STUDY = "unmatched_study"
    UNMATCHED_REPORT = "unmatched_report"
    FAILED_WORK = "failed_work"
    REFUSED_BY_PLATFORM = "refused_by_platform"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that waits. Numbers, no names: enough to find it in the RIS."""

    kind: CaseKind
    reason: str
    since: datetime
    subject: str
    """What it is called here: a UID, a key, a number."""
    patient_id: str = ""
    accession_number: str = ""
    modalities: tuple[str, ...] = ()
    study_date: date | None = None
    count: int = 1


def waiting_cases(session: Session, code: str, now: datetime) -> list[Case]:
    """Return all that waits, longest first."""
    before = now - _ARRIVES_LATER
    found = [
        *_quarantined(session, code),
        *_conflicts(session, code),
        *_studies(session, code, before),
        *_reports(session, code, before),
        *_work(session, code),
        *_refused_orders(session, code),
        *_refused_studies(session, code),
    ]
    return sorted(found, key=lambda case: case.since)


def _quarantined(session: Session, code: str) -> list[Case]:
    rows = session.scalars(
        select(QuarantineRow).where(QuarantineRow.institution_code == code, QuarantineRow.resolved_at.is_(None))
    )
    return [
        Case(CaseKind.QUARANTINE, row.reason, row.received_at, f"{row.channel} {row.id} {row.reason_code}")
        for row in rows
    ]


def _conflicts(session: Session, code: str) -> list[Case]:
    count = func.count(InstanceRow.id)
    first = func.min(InstanceRow.received_at, type_=InstanceRow.received_at.type)
    rows = session.execute(
        select(StudyRow, count, first)
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
        .where(StudyRow.institution_code == code, InstanceRow.conflict, InstanceRow.current.is_(False))
        .group_by(StudyRow.id)
    )
    return [_of_study(CaseKind.CONFLICT, study, words.CONFLICT, since, number) for study, number, since in rows]


def _studies(session: Session, code: str, before: datetime) -> list[Case]:
    rows = session.execute(
        select(StudyRow, PatientRow.id.is_not(None))
        .outerjoin(
            PatientRow,
            (PatientRow.institution_code == StudyRow.institution_code) & (PatientRow.patient_id == StudyRow.patient_id),
        )
        .where(StudyRow.institution_code == code, StudyRow.patient_key.is_(None), StudyRow.last_received_at < before)
    )
    cases = []
    for study, registered in rows:
        reason = words.ANOTHER_PERSON if registered else words.NOT_REGISTERED
        reason = reason if study.patient_id else words.NO_PATIENT_ID
        cases.append(_of_study(CaseKind.UNMATCHED_STUDY, study, reason, study.first_received_at, study.instance_count))
    return cases


def _of_study(kind: CaseKind, study: StudyRow, reason: str, since: datetime, count: int) -> Case:
    return Case(
        kind,
        reason,
        since,
        study.study_instance_uid,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        modalities=tuple(study.modalities),
        study_date=study.study_date,
        count=count,
    )


def _reports(session: Session, code: str, before: datetime) -> list[Case]:
    rows = session.execute(
        select(ReportRow, PatientRow.patient_id)
        .join(PatientRow, PatientRow.id == ReportRow.patient_key)
        .where(
            ReportRow.institution_code == code, ReportRow.study_instance_uid.is_(None), ReportRow.created_at < before
        )
    )
    return [
        Case(
            CaseKind.UNMATCHED_REPORT,
            words.NO_STUDY,
            report.created_at,
            report.report_key,
            patient_id=patient_id,
            accession_number=report.accession_number,
        )
        for report, patient_id in rows
    ]


def _work(session: Session, code: str) -> list[Case]:
    rows = session.scalars(select(WorkRow).where(WorkRow.institution_code == code, WorkRow.attempts >= _FAILS_AGAIN))
    return [
        Case(
            CaseKind.FAILED_WORK,
            words.failed(row.attempts),
            row.due_at,
            f"{row.kind} {row.subject}",
            count=row.attempts,
        )
        for row in rows
    ]


def _refused_orders(session: Session, code: str) -> list[Case]:
    rows = session.execute(
        select(OrderTellingRow, OrderCheckRow.patient_id)
        .join(OrderCheckRow, OrderCheckRow.view_record_id == OrderTellingRow.view_record_id)
        .where(OrderTellingRow.institution_code == code, OrderTellingRow.state == "refused")
    )
    return [
        Case(
            CaseKind.REFUSED_BY_PLATFORM,
            words.refused(row.reason),
            row.changed_at,
            f"order {row.view_record_id}",
            patient_id=patient_id,
        )
        for row, patient_id in rows
    ]


def _refused_studies(session: Session, code: str) -> list[Case]:
    rows = session.execute(
        select(RegistrationRow, StudyRow)
        .join(
            StudyRow,
            (StudyRow.institution_code == RegistrationRow.institution_code)
            & (StudyRow.study_instance_uid == RegistrationRow.study_instance_uid),
        )
        .where(RegistrationRow.institution_code == code, RegistrationRow.state == "refused")
    )
    return [
        _of_study(CaseKind.REFUSED_BY_PLATFORM, study, words.refused(row.reason), row.changed_at, study.instance_count)
        for row, study in rows
    ]
