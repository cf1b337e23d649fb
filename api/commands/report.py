"""Printing reports from the command line."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from api.audit.record import Actor, record
from api.commands.common import DataOption, fail, out, running_services
from api.workflows.print_report import as_pdf, report_to_print
from imaging_core.index.tables import StudyRow
from imaging_core.reports.reading import current_report


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("print-report", epilog="Example: mingying print-report CT20260001 --out report.pdf")(print_report)


def print_report(
    accession_number: str,
    to: Annotated[Path, typer.Option("--out", help="Where the PDF goes.")],
    data: DataOption = None,
) -> None:
    """Write the printed report of an accession number, with its QR, as PDF."""
    with running_services(data) as services, services.database.writing() as session:
        code = services.settings.hospital.institution_code
        study = session.scalars(
            select(StudyRow).where(StudyRow.institution_code == code, StudyRow.accession_number == accession_number)
        ).first()
        report = current_report(session, study) if study is not None and study.patient_key else None
        if study is None or report is None:
            fail("no verified report of a registered patient has this accession number")
        sheet = report_to_print(services, session, study, report)
        actor = Actor("system", "command line", code)
        record(
            session, actor, "report.printed", object_kind="report", object_id=report.report_key, now=services.clock()
        )
    try:
        to.write_bytes(as_pdf(services, sheet))
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}")
    out.print(f"written: {to}", markup=False)
