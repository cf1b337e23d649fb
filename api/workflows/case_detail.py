"""One item of the work list with the candidates it can be decided by, side by side."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.messages.cases import reason_of
from api.schemas import admin_cases as schema
from imaging_core.index.tables import StudyRow
from imaging_core.patients.comparing import compare_sexes, compare_values
from imaging_core.patients.decision_tables import LookalikeRow
from imaging_core.patients.lookalikes import compare_identity, compare_records
from imaging_core.patients.matrix import Likeness
from imaging_core.patients.names import compare_names
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.scoring import study_candidates
from imaging_core.reports.tables import ReportRow
from imaging_core.worklist.candidates import PatientCandidate, patient_candidates
from imaging_core.worklist.items import SEVERITIES, Item, ItemKind
from imaging_core.worklist.revisions import revisions_of

_STUDIES_SHOWN = 8


def case_out(item: Item) -> schema.CaseOut:
    """Return an item as the page gets it."""
    return schema.CaseOut(
        kind=item.kind,
        reason=reason_of(item.reason_code, item.text),
        since=item.since,
        subject=item.subject,
        state=item.state,
        severity=SEVERITIES[item.kind],
        remedies=list(item.remedies),
        patient_id=item.patient_id,
        accession_number=item.accession_number,
        modalities=list(item.modalities),
        study_date=item.study_date,
        count=item.count,
    )


def case_detail(session: Session, item: Item, code: str) -> schema.CaseDetail:
    """Return an item with what it takes to decide it."""
    found = schema.CaseDetail(case=case_out(item))
    if item.kind is ItemKind.UNMATCHED_STUDY:
        study = session.scalars(
            select(StudyRow).where(StudyRow.institution_code == code, StudyRow.study_instance_uid == item.subject)
        ).one()
        found.person = schema.PersonOut(
            patient_id=study.patient_id,
            name=study.patient_name,
            sex=study.patient_sex,
            birth_date=study.patient_birth_date,
        )
        found.patients = [_candidate_out(session, candidate) for candidate in patient_candidates(session, study)]
    elif item.kind is ItemKind.LOOKALIKE:
        found.patients = _pair(session, int(item.subject))
    elif item.kind is ItemKind.UNMATCHED_REPORT:
        _add_studies(session, found, item)
    elif item.kind is ItemKind.CONFLICT:
        revisions = revisions_of(session, code, item.subject)
        found.revisions = [schema.RevisionOut.model_validate(revision) for revision in revisions]
    return found


def person_out(row: PatientRow) -> schema.PersonOut:
    """Return who a record is of."""
    return schema.PersonOut(patient_id=row.patient_id, name=row.name, sex=row.sex, birth_date=row.birth_date)


def _candidate_out(session: Session, found: PatientCandidate) -> schema.PatientCandidateOut:
    return schema.PatientCandidateOut(
        **dict(person_out(found.patient)),
        same_number=found.same_number,
        name_likeness=found.name,
        sex_likeness=found.sex,
        birth_date_likeness=found.birth_date,
        identity_likeness=Likeness.UNKNOWN,
        verdict=found.verdict,
        expects=found.expects,
        studies=_studies(session, found.patient),
    )


def _pair(session: Session, key: int) -> list[schema.PatientCandidateOut]:
    """Return both records, each compared with the other."""
    pair = session.get_one(LookalikeRow, key)
    first, second = (session.get_one(PatientRow, patient) for patient in (pair.first_patient, pair.second_patient))
    return [
        schema.PatientCandidateOut(
            **dict(person_out(row)),
            same_number=False,
            name_likeness=compare_names(row.name, other.name),
            sex_likeness=compare_sexes(row.sex, other.sex),
            birth_date_likeness=compare_values(row.birth_date, other.birth_date),
            identity_likeness=compare_identity(row, other),
            verdict=compare_records(row, other),
            expects=False,
            studies=_studies(session, row),
        )
        for row, other in ((first, second), (second, first))
    ]


def _add_studies(session: Session, found: schema.CaseDetail, item: Item) -> None:
    report = session.scalars(select(ReportRow).where(ReportRow.report_key == item.subject)).one()
    newest = report.versions[-1]
    found.person = person_out(session.get_one(PatientRow, report.patient_key))
    found.report = schema.ReportOut(
        exam_item=newest.exam_item,
        examined_at=newest.examined_at,
        accession_number=report.accession_number,
        exam_id=report.exam_id,
    )
    found.studies = [
        schema.StudyCandidateOut(
            study_instance_uid=candidate.study.study_instance_uid,
            accession_number=candidate.study.accession_number,
            modalities=candidate.study.modalities,
            study_date=candidate.study.study_date,
            study_description=candidate.study.study_description,
            score=candidate.score,
            reasons=list(candidate.reasons),
        )
        for candidate in study_candidates(session, report)[:_STUDIES_SHOWN]
    ]


def _studies(session: Session, patient: PatientRow) -> int:
    return session.scalar(select(func.count()).where(StudyRow.patient_key == patient.id)) or 0
