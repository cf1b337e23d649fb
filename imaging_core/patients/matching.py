"""Which study belongs to which patient: same institution, same patient_id, and what the conflict matrix says of both.

Both orders happen: images before the registration message, and after it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.comparing import compare_sexes, compare_values
from imaging_core.patients.matrix import Evidence, Issuer, Likeness, Source, Verdict, judge
from imaging_core.patients.names import compare_names
from imaging_core.patients.tables import PatientRow

MATCHED = "study_matched"
CONFLICT = "study_patient_conflict"
"""Kinds of change."""


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
    outcomes = [(study, _assign(study, row)) for study in waiting]
    _record(session, outcomes, row, now)
    return sum(kind == MATCHED for _, kind in outcomes)


def match_waiting_studies(session: Session, now: datetime) -> int:
    """Match studies whose patient is there all the same; return how many. For a schedule.

    A study and its registration that are committed in the same moment do not see each other.
    """
    patients = session.scalars(
        select(PatientRow.id)
        .join(
            StudyRow,
            (StudyRow.institution_code == PatientRow.institution_code) & (StudyRow.patient_id == PatientRow.patient_id),
        )
        .where(StudyRow.patient_key.is_(None))
        .distinct()
    ).all()
    return sum(match_studies(session, PatientKey(patient), now) for patient in patients)


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
    if row is None:
        return False
    kind = _assign(study, row)
    _record(session, [(study, kind)], row, now)
    return kind == MATCHED


def judge_study(study: StudyRow, patient: PatientRow) -> Verdict:
    """Return what the conflict matrix says of a study and a patient of its institution.

    The index holds no ID number and no issuer of a header: both are unknown here.
    """
    return judge(
        Evidence(
            source=Source.IMAGE,
            same_number=study.patient_id == patient.patient_id,
            issuer=Issuer.OURS,
            name=compare_names(study.patient_name, patient.name),
            sex=compare_sexes(study.patient_sex, patient.sex),
            birth_date=compare_values(study.patient_birth_date, patient.birth_date),
            identity=Likeness.UNKNOWN,
        )
    )


def _assign(study: StudyRow, patient: PatientRow) -> str:
    if judge_study(study, patient) is not Verdict.LINKED:
        return CONFLICT
    study.patient_key = patient.id
    return MATCHED


def _record(session: Session, outcomes: list[tuple[StudyRow, str]], patient: PatientRow, now: datetime) -> None:
    # Changes go last: on PostgreSQL the first one takes a lock that every writer of the feed wants.
    session.flush()
    for study, kind in outcomes:
        # Every further registration or instance asks again; one line in the feed is enough.
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
