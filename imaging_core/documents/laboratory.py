"""Laboratory results (检验) as a table of lines per patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.documents.tables import LaboratoryResultRow
from imaging_core.domain.identifiers import InstitutionCode, PatientKey


@dataclass(frozen=True, slots=True)
class LaboratoryResult:
    """One line: what was measured, and the range the laboratory calls normal, as written."""

    report_number: str
    item_code: str
    item_name: str
    value: str
    unit: str = ""
    reference_range: str = ""
    flag: str = ""
    panel: str = ""
    observed_at: datetime | None = None


def store_laboratory_results(
    session: Session,
    *,
    institution_code: InstitutionCode,
    patient: PatientKey,
    results: Sequence[LaboratoryResult],
    now: datetime,
) -> int:
    """Keep the lines of a report; a line sent again replaces what it said. Returns how many lines are new."""
    numbers = {result.report_number for result in results}
    kept = {
        (row.report_number, row.item_code): row
        for row in session.scalars(
            select(LaboratoryResultRow).where(
                LaboratoryResultRow.institution_code == institution_code,
                LaboratoryResultRow.patient_key == patient,
                LaboratoryResultRow.report_number.in_(numbers),
            )
        )
    }
    before = len(kept)
    for position, result in enumerate(results):
        key = (result.report_number, result.item_code)
        row = kept.get(key)
        if row is None:
            row = kept[key] = LaboratoryResultRow(
                institution_code=institution_code,
                patient_key=patient,
                report_number=result.report_number,
                item_code=result.item_code,
            )
            session.add(row)
        row.position, row.panel, row.item_name, row.value = position, result.panel, result.item_name, result.value
        row.unit, row.reference_range, row.flag = result.unit, result.reference_range, result.flag
        row.observed_at, row.received_at = result.observed_at or now, now
    session.flush()
    return len(kept) - before


def laboratory_results_of(
    session: Session, *, institution_code: InstitutionCode, patient: PatientKey
) -> list[LaboratoryResult]:
    """Return a patient's results at one institution, newest report first, lines in the order of the report."""
    rows = session.scalars(
        select(LaboratoryResultRow)
        .where(
            LaboratoryResultRow.institution_code == institution_code,
            LaboratoryResultRow.patient_key == patient,
        )
        .order_by(
            LaboratoryResultRow.observed_at.desc(), LaboratoryResultRow.report_number, LaboratoryResultRow.position
        )
    )
    return [
        LaboratoryResult(
            report_number=row.report_number,
            item_code=row.item_code,
            item_name=row.item_name,
            value=row.value,
            unit=row.unit,
            reference_range=row.reference_range,
            flag=row.flag,
            panel=row.panel,
            observed_at=row.observed_at,
        )
        for row in rows
    ]
