"""Laboratory reports as a doctor reads them: the lines of one sample together, with what was measured before."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.documents.tables import LaboratoryResultRow
from imaging_core.domain.identifiers import InstitutionCode, PatientKey


@dataclass(frozen=True, slots=True)
class LaboratoryLine:
    """One line, as written."""

    item_code: str
    item_name: str
    value: str = field(repr=False)
    unit: str
    reference_range: str
    flag: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class LaboratoryReport:
    """The lines of one report, in its own order."""

    institution_code: InstitutionCode
    patient: PatientKey
    report_number: str
    panel: str
    """What was ordered (血常规); several joined by 、, empty where the laboratory named none."""
    observed_at: datetime
    lines: tuple[LaboratoryLine, ...]


def laboratory_reports_of(session: Session, patients: Collection[PatientKey]) -> list[LaboratoryReport]:
    """Return the reports of these patients, newest first."""
    rows = session.scalars(
        select(LaboratoryResultRow)
        .where(LaboratoryResultRow.patient_key.in_(patients))
        .order_by(
            LaboratoryResultRow.institution_code,
            LaboratoryResultRow.patient_key,
            LaboratoryResultRow.report_number,
            LaboratoryResultRow.position,
            LaboratoryResultRow.id,
        )
    )
    reports = [_report(list(lines)) for _, lines in groupby(rows, key=_whose)]
    return sorted(reports, key=lambda report: report.observed_at, reverse=True)


def earlier_lines(
    reports: Sequence[LaboratoryReport], report: LaboratoryReport, line: LaboratoryLine
) -> Iterator[LaboratoryLine]:
    """Yield what the same laboratory measured of the same item before, in the order of `reports`.

    Of the same institution only: an item's code is its own, and another laboratory's method gives other numbers.
    """
    for other in reports:
        if other.institution_code == report.institution_code:
            for earlier in other.lines:
                if earlier.item_code == line.item_code and earlier.observed_at < line.observed_at:
                    yield earlier


def _whose(row: LaboratoryResultRow) -> tuple[str, int, str]:
    return row.institution_code, row.patient_key, row.report_number


def _report(rows: Sequence[LaboratoryResultRow]) -> LaboratoryReport:
    first = rows[0]
    return LaboratoryReport(
        institution_code=InstitutionCode(first.institution_code),
        patient=PatientKey(first.patient_key),
        report_number=first.report_number,
        panel="、".join(dict.fromkeys(row.panel for row in rows if row.panel)),
        observed_at=max(row.observed_at for row in rows),
        lines=tuple(
            LaboratoryLine(
                item_code=row.item_code,
                item_name=row.item_name,
                value=row.value,
                unit=row.unit,
                reference_range=row.reference_range,
                flag=row.flag,
                observed_at=row.observed_at,
            )
            for row in rows
        ),
    )
