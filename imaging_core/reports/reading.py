"""Reading reports: always through a study, so that whoever may not see the study cannot see its report."""

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import ReportKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from imaging_core.reports.types import Report, ReportStatus
from imaging_core.reports.versions import shown_version


def current_report(session: Session, study: StudyRow) -> Report | None:
    """Return the report to show for a study; with several reports, the one issued last."""
    reports = reports_of(session, select(StudyRow).where(StudyRow.id == study.id))
    return max(reports, key=_issued, default=None)


def find_report(session: Session, visible: Select[StudyRow], report: ReportKey) -> Report | None:
    """Return a report by key if its study is among the visible ones, None otherwise."""
    return next(iter(_reports(session, visible, ReportRow.report_key == report)), None)


def reports_of(session: Session, visible: Select[StudyRow]) -> list[Report]:
    """Return the reports of the visible studies that patients may read; preliminary and withdrawn ones are left out."""
    return _reports(session, visible, true())


def _reports(session: Session, visible: Select[StudyRow], wanted: ColumnElement[bool]) -> list[Report]:
    studies = visible.order_by(None).subquery()
    # The patient is compared as well: a study moved to another patient leaves its reports behind.
    owned = (
        (ReportRow.institution_code == studies.c.institution_code)
        & (ReportRow.study_instance_uid == studies.c.study_instance_uid)
        & (ReportRow.patient_key == studies.c.patient_key)
    )
    rows = session.execute(
        select(ReportRow, ReportVersionRow)
        .join(studies, owned)
        .join(ReportVersionRow, ReportVersionRow.report_id == ReportRow.id)
        .where(wanted)
        .order_by(ReportRow.id, ReportVersionRow.version)
    )
    grouped = ((report, [version for _, version in pairs]) for report, pairs in groupby(rows, key=lambda pair: pair[0]))
    return list(_shown(grouped))


def _shown(grouped: Iterable[tuple[ReportRow, list[ReportVersionRow]]]) -> Iterable[Report]:
    for row, versions in grouped:
        version = shown_version(versions)
        if version is None or row.study_instance_uid is None:
            continue
        yield Report(
            report_key=ReportKey(row.report_key),
            version=version.version,
            status=ReportStatus(version.status),
            study_instance_uid=StudyInstanceUid(row.study_instance_uid),
            exam_code=version.exam_code.partition("^")[0],
            exam_item=version.exam_item,
            findings=version.findings,
            impression=version.impression,
            reporting_physician=version.reporting_physician,
            verifying_physician=version.verifying_physician,
            examined_at=version.examined_at,
            reported_at=version.reported_at,
            critical=version.critical,
        )


def _issued(report: Report) -> tuple[bool, float]:
    return (report.reported_at is not None, report.reported_at.timestamp() if report.reported_at else 0.0)
