"""Which study belongs to which patient: same institution, same patient_id, and nothing that speaks against it.

Both orders happen: images before the registration message, and after it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.names import NameRule, names_another_person
from imaging_core.patients.tables import PatientRow


def match_studies(session: Session, patient: PatientKey, now: datetime) -> int:
    """Give a patient the studies that wait for one; return how many were taken."""
    row = session.get_one(PatientRow, patient)
    waiting = session.scalars(
        select(StudyRow).where(
            StudyRow.institution_code == row.institution_code,
            StudyRow.patient_id == row.patient_id,
            StudyRow.patient_key.is_(None),
        )
    )
    return sum(_assign(session, study, row, now) for study in waiting)


def match_study(session: Session, study: StudyRow, now: datetime) -> bool:
    """Give a study that just arrived its patient; return whether it has one. Call after the study is flushed."""
    if study.patient_key is not None:
        return True
    if not study.patient_id:
        return False
    row = session.scalars(
        select(PatientRow).where(
            PatientRow.institution_code == study.institution_code, PatientRow.patient_id == study.patient_id
        )
    ).one_or_none()
    return row is not None and _assign(session, study, row, now)


def _assign(session: Session, study: StudyRow, patient: PatientRow, now: datetime) -> bool:
    is_other = names_another_person(
        patient,
        name=study.patient_name,
        sex=study.patient_sex,
        birth_date=study.patient_birth_date,
        rule=NameRule.NAME_AND_MORE,
    )
    if is_other:
        _record_once(session, study, patient, "study_patient_conflict", now)
        return False
    study.patient_key = patient.id
    _record_once(session, study, patient, "study_matched", now)
    return True


def _record_once(session: Session, study: StudyRow, patient: PatientRow, kind: str, now: datetime) -> None:
    # Every further instance of the study asks again; one line in the feed is enough.
    said = select(ChangeRow.sequence).where(
        ChangeRow.institution_code == study.institution_code,
        ChangeRow.study_instance_uid == study.study_instance_uid,
        ChangeRow.kind == kind,
        ChangeRow.subject == str(patient.id),
    )
    if session.scalars(said.limit(1)).first() is None:
        session.add(
            ChangeRow(
                institution_code=study.institution_code,
                kind=kind,
                study_instance_uid=study.study_instance_uid,
                subject=str(patient.id),
                at=now,
            )
        )
