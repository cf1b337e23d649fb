"""Examinations of one person that are held here, whichever institution made them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.finding import with_id_number
from imaging_core.patients.names import names_another_person
from imaging_core.patients.registry import id_number_of
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.elsewhere import PatientIdentity
from imaging_core.reports.reading import reports_of
from imaging_core.reports.types import Report, ReportStatus

_STATUSES = {ReportStatus.VERIFIED: "final", ReportStatus.AMENDED: "corrected"}


@dataclass(frozen=True, slots=True)
class HeldExam:
    """A study with its report."""

    study: StudyRow = field(repr=False)
    item_code: str
    """The institution's own, empty where only the study's description names the item."""
    item: str
    on: date
    status: str


def identity_of(session: Session, cipher: FieldCipher, patient: PatientKey) -> PatientIdentity | None:
    """Return by what other places know a patient; None without an ID number, since a name alone is nobody."""
    number = id_number_of(session, cipher, patient)
    if not number:
        return None
    return PatientIdentity(name=session.get_one(PatientRow, patient).name, id_number=number)


def held_exams(session: Session, cipher: FieldCipher, patient: PatientKey) -> list[HeldExam]:
    """Return what this person had examined at any institution whose archive is here; reported studies only."""
    keys = records_of_person(session, cipher, patient)
    studies = select(StudyRow).where(StudyRow.patient_key.in_(keys), StudyRow.instance_count > 0)
    rows = {row.study_instance_uid: row for row in session.scalars(studies)}
    return [exam for exam in (_held(rows, report) for report in reports_of(session, studies)) if exam is not None]


def records_of_person(session: Session, cipher: FieldCipher, patient: PatientKey) -> list[PatientKey]:
    """Return a patient's record and those of the same person at other institutions whose archive is here."""
    return [patient, *_same_person_elsewhere(session, cipher, patient)]


def _same_person_elsewhere(session: Session, cipher: FieldCipher, patient: PatientKey) -> Sequence[PatientKey]:
    number = id_number_of(session, cipher, patient)
    if not number:
        return []
    own = session.get_one(PatientRow, patient)
    candidates = session.scalars(with_id_number(cipher, number).where(PatientRow.id != patient))
    # A child is often registered with a parent's number: another Chinese name is another person.
    return [PatientKey(row.id) for row in candidates if not _is_another(own, row)]


def _is_another(own: PatientRow, row: PatientRow) -> bool:
    return names_another_person(row, name=own.name, sex=own.sex, birth_date=own.birth_date)


def _held(rows: dict[str, StudyRow], report: Report) -> HeldExam | None:
    study = rows[report.study_instance_uid]
    on = study.study_date or (report.examined_at.date() if report.examined_at else None)
    if on is None:
        return None
    code, item = (report.exam_code, report.exam_item) if report.exam_item else ("", study.study_description)
    return HeldExam(study, code, item, on, _STATUSES.get(report.status, ""))
