"""What all indicators count: the studies of a period, each with its patient and the report that people read.

The expressions are made once; the institution and the period are bound when they are executed.
"""

from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, Subquery, and_, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.quality.period import Period
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from imaging_core.reports.types import ReportStatus

_INSTITUTION = bindparam("institution_code", type_=String())
_IN_PERIOD = and_(
    StudyRow.institution_code == _INSTITUTION,
    StudyRow.instance_count > 0,
    StudyRow.study_date.between(bindparam("since", type_=Date()), bindparam("until", type_=Date())),
)


def bound(institution_code: str, period: Period) -> dict[str, Any]:
    """Return the values for a statement of `studies`."""
    return {"institution_code": institution_code, "since": period.since, "until": period.until}


def _current_reports() -> Subquery:
    """Return the version of `reports.reading.current_report` for every study of the period at once."""
    later = aliased(ReportVersionRow)
    overtaken = (
        select(later.id)
        .where(
            later.report_id == ReportVersionRow.report_id,
            later.version > ReportVersionRow.version,
            later.status != ReportStatus.PRELIMINARY,
            later.outdated.is_(False),
        )
        .correlate(ReportVersionRow)
        .exists()
    )
    issued_last = func.row_number().over(
        partition_by=StudyRow.id, order_by=(ReportVersionRow.reported_at.desc().nulls_last(), ReportRow.id)
    )
    return (
        select(StudyRow.id.label("of_study"), ReportVersionRow, issued_last.label("place"))
        .join(
            ReportRow,
            (ReportRow.institution_code == StudyRow.institution_code)
            & (ReportRow.study_instance_uid == StudyRow.study_instance_uid)
            & (ReportRow.patient_key == StudyRow.patient_key),
        )
        .join(ReportVersionRow, ReportVersionRow.report_id == ReportRow.id)
        .where(
            _IN_PERIOD,
            ReportVersionRow.status.in_((ReportStatus.VERIFIED, ReportStatus.AMENDED)),
            ReportVersionRow.outdated.is_(False),
            ~overtaken,
        )
        .subquery("current_reports")
    )


_CURRENT = _current_reports()
CurrentReport = aliased(ReportVersionRow, _CURRENT)
"""The report of the study; all its columns are NULL where the study has none."""


def studies(*columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Select[Any]:
    """Return a query of the period's studies, joined with patient and report."""
    return (
        select(*columns)
        .select_from(StudyRow)
        .outerjoin(PatientRow, PatientRow.id == StudyRow.patient_key)
        .outerjoin(CurrentReport, and_(_CURRENT.c.of_study == StudyRow.id, _CURRENT.c.place == 1))
        .where(_IN_PERIOD)
    )
