"""Which study belongs to which patient: same institution, same patient_id, and nothing that speaks against it.

Both orders happen: images before the registration message, and after it.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.identity import searchable_name
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


class NameRule(StrEnum):
    """How much a differing name says."""

    NAME_AND_MORE = "name_and_more"
    """Typed at a modality: pinyin, titles, broken character sets. Birth date or sex must differ too."""
    CHINESE_DECIDES = "chinese_decides"
    """Both come from hospital records: two different Chinese names are two people."""


def names_another_person(patient: PatientRow, *, name: str, sex: str, birth_date: date | None, rule: NameRule) -> bool:
    """Return whether somebody else than this patient is described.

    A mistyped patient_id would show one patient's images or report to another. No name, or the
    same one in Chinese or pinyin, never contradicts. `name` may be a DICOM person name.
    """
    if not name or _same_name(name, patient):
        return False
    if rule is NameRule.CHINESE_DECIDES and _is_chinese(name) and _is_chinese(patient.name):
        return True
    other_birth_date = None not in {birth_date, patient.birth_date} and birth_date != patient.birth_date
    return {sex, patient.sex} == {"M", "F"} or other_birth_date


def _is_chinese(name: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in name)


def _same_name(dicom_name: str, patient: PatientRow) -> bool:
    # PS3.5 6.2.1: alphabetic, ideographic and phonetic groups, each Family^Given.
    for group in dicom_name.split("="):
        written = searchable_name(group)
        if written.name.replace(" ", "") == patient.name.replace(" ", ""):
            return True
        # Pinyin only against pinyin: different Chinese names may sound the same.
        one_is_latin = not (_is_chinese(written.name) and _is_chinese(patient.name))
        if one_is_latin and written.pinyin and written.pinyin == patient.name_pinyin:
            return True
    return False
