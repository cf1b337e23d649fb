"""The laboratory reports of the patient before a doctor, each by the reference that opens it."""

import hashlib

from sqlalchemy.orm import Session

from api.messages.laboratory import UNNAMED_PANEL
from api.wiring import Services
from imaging_core.documents.laboratory_reports import LaboratoryReport, laboratory_reports_of
from imaging_core.domain.identifiers import PatientKey
from imaging_core.reminders.history import records_of_person


def persons_laboratory_reports(
    session: Session, services: Services, patient: PatientKey
) -> dict[str, LaboratoryReport]:
    """Return a person's reports of every institution whose archive is here, newest first."""
    reports = laboratory_reports_of(session, records_of_person(session, services.cipher, patient))
    return {_reference(report): report for report in reports}


def title_of(report: LaboratoryReport) -> str:
    """Return what a report is called in a list."""
    return report.panel or UNNAMED_PANEL


def _reference(report: LaboratoryReport) -> str:
    # of the patient's record too: only within it is a report's number unique
    names = ("laboratory", report.institution_code, str(report.patient), report.report_number)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]
