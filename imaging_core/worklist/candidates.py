"""Who a study that is nobody's may belong to, and how each candidate compares with it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import StudyRow
from imaging_core.patients.comparing import compare_sexes, compare_values
from imaging_core.patients.identity import written_name
from imaging_core.patients.matching import judge_study
from imaging_core.patients.matrix import Likeness, NameLikeness, Verdict
from imaging_core.patients.name_search import can_be_searched, find_by_name
from imaging_core.patients.names import compare_names
from imaging_core.patients.registry import addressed_record, surviving
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.tables import ReportRow

_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class PatientCandidate:
    """One patient beside the study."""

    patient: PatientRow
    same_number: bool
    name: NameLikeness
    sex: Likeness
    birth_date: Likeness
    verdict: Verdict
    expects: bool
    """A report of this patient waits for the study's accession number."""


def patient_candidates(session: Session, study: StudyRow) -> list[PatientCandidate]:
    """Return who the study may belong to, the likeliest first: by number, by waiting report, by name."""
    found: dict[int, PatientRow] = {}
    code = InstitutionCode(study.institution_code)
    if study.patient_id:
        named = addressed_record(session, institution_code=code, patient_id=study.patient_id)
        if named is not None:
            found[named.id] = surviving(session, named)
    expecting = _expecting(session, study)
    found |= {row.id: row for row in expecting}
    for group in study.patient_name.split("="):
        text = written_name(group)
        if can_be_searched(text):
            hits = find_by_name(session, institution_code=code, text=text, limit=_MOST)
            found |= {hit.patient.id: hit.patient for hit in hits}
    unique = {row.id: row for row in found.values()}
    candidates = [_compared(study, row, expects=row in expecting) for row in unique.values()]
    return sorted(candidates, key=_likeliest, reverse=True)[:_MOST]


def _expecting(session: Session, study: StudyRow) -> list[PatientRow]:
    if not study.accession_number:
        return []
    reports = select(ReportRow.patient_key).where(
        ReportRow.institution_code == study.institution_code, ReportRow.accession_number == study.accession_number
    )
    return list(session.scalars(select(PatientRow).where(PatientRow.id.in_(reports)).order_by(PatientRow.id)))


def _compared(study: StudyRow, patient: PatientRow, *, expects: bool) -> PatientCandidate:
    return PatientCandidate(
        patient,
        study.patient_id == patient.patient_id,
        compare_names(study.patient_name, patient.name),
        compare_sexes(study.patient_sex, patient.sex),
        compare_values(study.patient_birth_date, patient.birth_date),
        judge_study(study, patient),
        expects,
    )


def _likeliest(candidate: PatientCandidate) -> tuple[bool, int, int]:
    alike = [
        candidate.same_number,
        candidate.name in {NameLikeness.SAME, NameLikeness.VARIANT},
        candidate.birth_date is Likeness.SAME,
        candidate.sex is Likeness.SAME,
        candidate.expects,
    ]
    return candidate.verdict is Verdict.LINKED, sum(alike), -candidate.patient.id
