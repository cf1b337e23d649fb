"""Taking a report in and finding its study, in either order of arrival."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import ReportKey, StudyInstanceUid
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.reports.errors import ReportOfAnotherPatient
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from imaging_core.reports.types import FiledReport, FilingOutcome, IncomingReport, ReportStatus
from imaging_core.reports.versions import overtaken, repeats, status_of


def file_report(session: Session, incoming: IncomingReport, now: datetime) -> FiledReport:
    """Keep a report as a new report, as a further version, or not at all if it says nothing new.

    Raises:
        ReportOfAnotherPatient: the report names another patient's study; nothing was kept.
    """
    row = _report_row(session, incoming, now)
    repeated = repeats(incoming, row.versions)
    if repeated is not None:
        return _filed(row, repeated.version, FilingOutcome.UNCHANGED)
    outdated = overtaken(incoming, row.versions)
    version = _version_row(incoming, row, outdated=outdated, now=now)
    outcome = FilingOutcome.NEW_VERSION if row.versions else FilingOutcome.NEW
    row.versions.append(version)
    if row.study_instance_uid is None:
        _match(session, row)
    session.flush()
    if not outdated:
        _record(session, row, f"report_{version.status}", now)
    return _filed(row, version.version, FilingOutcome.OUTDATED if outdated else outcome)


def match_reports(session: Session, study: StudyRow, now: datetime) -> list[ReportKey]:
    """Give a study that just arrived the reports that wait for it.

    Call it after `patients.match_study`, with the study flushed: a report goes only to a study of its own patient.
    """
    if study.patient_key is None:
        return []
    named = [ReportRow.expected_study_instance_uid == study.study_instance_uid]
    named += [
        column == number
        for number in {study.accession_number, study.study_id} - {""}
        for column in (ReportRow.accession_number, ReportRow.exam_id)
    ]
    waiting = session.scalars(
        select(ReportRow).where(
            ReportRow.institution_code == study.institution_code,
            ReportRow.patient_key == study.patient_key,
            ReportRow.study_instance_uid.is_(None),
            or_(*named),
        )
    ).all()
    # The same rule as for a report that comes second: a named UID is not overruled by a number.
    taken = [row for row in waiting if (found := _study_of(session, row)) is not None and found.id == study.id]
    _give(session, [(row, study) for row in taken], now)
    return [ReportKey(row.report_key) for row in taken]


def match_waiting_reports(session: Session, now: datetime) -> int:
    """Match reports whose study is there all the same; return how many. For a schedule.

    A report and its study that are committed in the same moment do not see each other.
    """
    waiting = session.scalars(
        select(ReportRow)
        .where(
            ReportRow.study_instance_uid.is_(None),
            exists().where(
                StudyRow.patient_key == ReportRow.patient_key, StudyRow.institution_code == ReportRow.institution_code
            ),
        )
        .order_by(ReportRow.id)
    ).all()
    found = [(row, study) for row in waiting if (study := _study_of(session, row)) is not None]
    _give(session, found, now)
    return len(found)


def _give(session: Session, pairs: list[tuple[ReportRow, StudyRow]], now: datetime) -> None:
    for row, study in pairs:
        row.study_instance_uid = study.study_instance_uid
    # Changes go last: on PostgreSQL the first one takes a lock that every writer of the feed wants.
    session.flush()
    for row, _ in pairs:
        _record(session, row, "report_matched", now)


def _report_row(session: Session, incoming: IncomingReport, now: datetime) -> ReportRow:
    _refuse_foreign_study(session, incoming)
    row = session.scalars(
        select(ReportRow).where(
            ReportRow.institution_code == incoming.institution_code,
            ReportRow.patient_key == incoming.patient,
            ReportRow.source_id == incoming.source_id,
        )
    ).one_or_none()
    if row is None:
        row = ReportRow(
            report_key=uuid4().hex,
            institution_code=incoming.institution_code,
            patient_key=incoming.patient,
            source_id=incoming.source_id,
            created_at=now,
        )
        session.add(row)
    named = incoming.study_instance_uid
    if named is not None and row.study_instance_uid not in {None, named}:
        # A correction may name another study of the same patient; the report then leaves the wrong one.
        row.study_instance_uid = None
    if row.study_instance_uid is None:
        row.expected_study_instance_uid = named or row.expected_study_instance_uid
        row.accession_number = incoming.accession_number or row.accession_number or ""
        row.exam_id = incoming.exam_id or row.exam_id or ""
    return row


def _refuse_foreign_study(session: Session, incoming: IncomingReport) -> None:
    if incoming.study_instance_uid is None:
        return
    owner = session.scalars(
        select(StudyRow.patient_key).where(
            StudyRow.institution_code == incoming.institution_code,
            StudyRow.study_instance_uid == incoming.study_instance_uid,
        )
    ).one_or_none()
    if owner is not None and owner != incoming.patient:
        raise ReportOfAnotherPatient(incoming.study_instance_uid)


def _match(session: Session, row: ReportRow) -> None:
    study = _study_of(session, row)
    if study is not None:
        row.study_instance_uid = study.study_instance_uid


def _study_of(session: Session, row: ReportRow) -> StudyRow | None:
    """Return the patient's study by UID if one is named, else by accession number, else by exam id."""
    if row.expected_study_instance_uid is not None:
        return _first(session, row, StudyRow.study_instance_uid == row.expected_study_instance_uid)
    # Senders mix up 检查号 and 申请单号, so each number is tried in both places, the accession number first.
    for column in (StudyRow.accession_number, StudyRow.study_id):
        for number in (row.accession_number, row.exam_id):
            found = _first(session, row, column == number) if number else None
            if found is not None:
                return found
    return None


def _first(session: Session, row: ReportRow, named: ColumnElement[bool]) -> StudyRow | None:
    # Two studies of one order: the report stays with the one that came first.
    return session.scalars(
        select(StudyRow)
        .where(StudyRow.institution_code == row.institution_code, StudyRow.patient_key == row.patient_key, named)
        .order_by(StudyRow.id)
        .limit(1)
    ).first()


def _version_row(incoming: IncomingReport, row: ReportRow, *, outdated: bool, now: datetime) -> ReportVersionRow:
    return ReportVersionRow(
        institution_code=incoming.institution_code,
        version=len(row.versions) + 1,
        status=incoming.status if outdated else status_of(incoming, row.versions),
        outdated=outdated and incoming.status is not ReportStatus.PRELIMINARY,
        exam_code=incoming.exam_code,
        exam_item=incoming.exam_item,
        findings=incoming.findings,
        impression=incoming.impression,
        reporting_physician=incoming.reporting_physician,
        verifying_physician=incoming.verifying_physician,
        examined_at=incoming.examined_at,
        reported_at=incoming.reported_at,
        critical=incoming.critical,
        source_digest=incoming.source_digest,
        received_at=now,
    )


def _filed(row: ReportRow, version: int, outcome: FilingOutcome) -> FiledReport:
    study = None if row.study_instance_uid is None else StudyInstanceUid(row.study_instance_uid)
    return FiledReport(ReportKey(row.report_key), version, outcome, study)


def _record(session: Session, row: ReportRow, kind: str, now: datetime) -> None:
    session.add(
        ChangeRow(
            institution_code=row.institution_code,
            kind=kind,
            study_instance_uid=row.study_instance_uid,
            subject=row.report_key,
            at=now,
        )
    )
