"""Our printed report with its QR: the link is issued, or found again, when it is printed."""

from sqlalchemy.orm import Session

from api.wiring import Services
from api.workflows.report_text import age_on
from imaging_core.documents.report_pdf import PrintedReport, render_report
from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.types import Report
from imaging_core.sharing.links import issue_report_link


def report_link(services: Services, session: Session, study: StudyRow) -> str:
    """Return the address that stands in the report's QR: the token is in the fragment, which no server ever sees.

    Raises:
        StudyWithoutPatient: the study is not matched to a patient.
    """
    issued = issue_report_link(session, services.link_issuer, study, services.clock())
    return f"{services.settings.base_url}/r#{issued.token}"


def report_to_print(
    services: Services, session: Session, study: StudyRow, report: Report, *, shared: bool = False
) -> PrintedReport:
    """Return what the printed report says, its link included; `as_pdf` draws it when the transaction is over.

    A shared one has neither the QR, with which a stranger could use up the patient's own tries, nor the patient's
    number, which in some hospitals is the resident ID number.
    """
    patient = session.get_one(PatientRow, study.patient_key)
    return PrintedReport(
        hospital=services.settings.hospital.name,
        patient_name=patient.name,
        sex=patient.sex,
        age=age_on(patient.birth_date, study.study_date or services.clock().date()),
        patient_id="" if shared else patient.patient_id,
        accession_number=study.accession_number,
        exam_item=report.exam_item,
        findings=report.findings,
        impression=report.impression,
        reporting_physician=report.reporting_physician,
        verifying_physician=report.verifying_physician,
        examined_on=study.study_date,
        reported_at=report.reported_at,
        amended=report.amended,
        link=None if shared else report_link(services, session, study),
    )


def as_pdf(services: Services, report: PrintedReport) -> bytes:
    """Return the printed report; takes a noticeable time, so no transaction may be open."""
    return render_report(report, font=services.font)
