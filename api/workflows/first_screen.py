"""What the first screen of a patient shows, in one reply."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.tables import ConsentRow
from api.errors import Problem
from api.schemas.patient import ConsentOut, DocumentOut, FirstScreen, PatientOut, ReportOut, StudyOut
from api.wiring import Services
from api.workflows.consent import told_consents
from api.workflows.named_image import NamedImage, named_image
from api.workflows.report_text import age_on
from imaging_core.documents.store import documents_of
from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.reading import current_report
from imaging_core.reports.types import Report
from imaging_core.sharing.grants import visible_studies

_SEX_WORDS = {"M": "男", "F": "女"}


def visible_study(session: Session, grant: Grant, study: StudyInstanceUid, now: datetime) -> StudyRow:
    """Return one study of the grant.

    Raises:
        Problem: 404, the same for a foreign and an unknown study.
    """
    row = session.scalars(visible_studies(grant, now).where(StudyRow.study_instance_uid == study)).first()
    if row is None:
        raise Problem(404, "not_found")
    return row


def first_screen(services: Services, session: Session, grant: Grant, study: StudyInstanceUid) -> FirstScreen:
    """Return the bundle of one study."""
    now = services.clock()
    row = visible_study(session, grant, study, now)
    patient = session.get_one(PatientRow, grant.patient)
    report = current_report(session, row) if grant.allows(Right.REPORT) else None
    briefs = services.derived.series_briefs(row.institution_code, row.study_instance_uid) or ()
    consents = told_consents(session, grant)
    total = session.scalar(select(func.count()).select_from(visible_studies(grant, now).subquery())) or 1
    return FirstScreen(
        holder=grant.holder.value,
        patient=PatientOut(
            name=patient.name,
            sex=_SEX_WORDS.get(patient.sex, ""),
            age=age_on(patient.birth_date, row.study_date or now.date()),
        ),
        study=study_out(services, session, row),
        report=report_out(report) if report else None,
        documents=[DocumentOut.model_validate(item) for item in documents_of(session, row)],
        series=_most_telling_first(session, row, briefs, report),
        manifest_version=row.manifest_version,
        rights=sorted(_rights_now(grant, consents)),
        consents=[ConsentOut.model_validate(item) for item in consents],
        history_count=total - 1,
    )


def _rights_now(grant: Grant, consents: Sequence[ConsentRow]) -> AbstractSet[Right]:
    """Return the rights as they can be used: a stranger cannot give the consent that the patient has withdrawn."""
    if grant.holder is Holder.PATIENT or any(row.given for row in consents):
        return grant.rights
    return grant.rights - {Right.INTERPRET}


def _most_telling_first(
    session: Session, row: StudyRow, briefs: Sequence[Mapping[str, Any]], report: Report | None
) -> list[dict[str, Any]]:
    """Return the series, first the one to be seen first, each with its key image.

    That is the image the report names, else one that a key object points out, else the first series as it is.
    """
    body_parts = {item.series_instance_uid: item.body_part_examined for item in _series_rows(session, row)}
    listed = [{**brief, "body_part": body_parts.get(brief["series_instance_uid"], "")} for brief in briefs]
    named = named_image((report.impression, report.findings)) if report else None
    if named and (found := _find_named(session, row, listed, named)):
        brief, sop_instance_uid = found
        brief["key"] = {"sop_instance_uid": sop_instance_uid, "frame_number": 1}
        return sorted(listed, key=lambda item: item is not brief)
    marked = next((item["series_instance_uid"] for item in listed if item.get("key_marked")), None)
    return sorted(listed, key=lambda item: item["series_instance_uid"] != marked)


def _find_named(
    session: Session, row: StudyRow, briefs: Sequence[dict[str, Any]], named: NamedImage
) -> tuple[dict[str, Any], str] | None:
    """Return the series and instance of a named image; None where it is not there, or in more than one series."""
    pictured = {
        brief["series_instance_uid"]: brief
        for brief in briefs
        if brief["has_preview"] and named.series_number in (None, brief["series_number"])
    }
    instances = session.execute(
        select(SeriesRow.series_instance_uid, InstanceRow.sop_instance_uid)
        .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
        .where(
            SeriesRow.study_id == row.id,
            SeriesRow.series_instance_uid.in_(pictured),
            InstanceRow.instance_number == named.instance_number,
            InstanceRow.number_of_frames == 1,
            InstanceRow.current,
        )
    ).all()
    if len(instances) != 1:
        return None
    series, instance = instances[0]
    return pictured[series], instance


def _series_rows(session: Session, row: StudyRow) -> Sequence[SeriesRow]:
    return session.scalars(select(SeriesRow).where(SeriesRow.study_id == row.id)).all()


def study_out(services: Services, session: Session, row: StudyRow) -> StudyOut:
    """Return a study as a list shows it."""
    series = _series_rows(session, row)
    briefs = services.derived.series_briefs(row.institution_code, row.study_instance_uid)
    report = current_report(session, row)
    return StudyOut(
        study_instance_uid=row.study_instance_uid,
        study_date=row.study_date,
        modalities=row.modalities,
        exam_item=report.exam_item if report else "",
        description=row.study_description,
        body_part=next((item.body_part_examined for item in series if item.body_part_examined), ""),
        institution=services.settings.institution_name(row.institution_code),
        series_count=row.series_count,
        instance_count=row.instance_count,
        has_report=report is not None,
        has_preview=any(brief["has_preview"] for brief in briefs or ()),
        state=_state(briefs, row),
    )


def report_out(report: Report) -> ReportOut:
    """Return a report as the patient reads it."""
    return ReportOut(
        report_id=report.report_key,
        status="amended" if report.amended else "verified",
        exam_item=report.exam_item,
        findings=report.findings,
        impression=report.impression,
        reporting_physician=report.reporting_physician,
        verifying_physician=report.verifying_physician,
        reported_at=report.reported_at,
        amended=report.amended,
    )


def _state(briefs: Sequence[Mapping[str, Any]] | None, row: StudyRow) -> Literal["ready", "preparing", "partly"]:
    if briefs is None:
        return "preparing"
    derived = sum(brief["instance_count"] for brief in briefs)
    return "ready" if derived >= row.instance_count else "partly"
