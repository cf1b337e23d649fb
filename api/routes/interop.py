"""What a hospital's own systems fetch: printed reports with their QR."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from api.audit.record import record
from api.auth.access import CurrentMachine, CurrentServices, allow, machine
from api.errors import Problem
from api.settings import Settings
from api.workflows.print_report import as_pdf, report_to_print
from imaging_core.index.tables import StudyRow
from imaging_core.reports.reading import current_report

AccessionNumber = Annotated[str, Query(pattern=r"^[^\x00]{1,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes for hospital systems."""
    router = APIRouter(prefix="/api/interop", tags=["hospital systems"])

    @router.get("/reports/printed", dependencies=allow(machine("print")), response_model=None)
    def printed(accession_number: AccessionNumber, actor: CurrentMachine, services: CurrentServices) -> Response:
        """Return the printed report of an accession number as PDF."""
        now = services.clock()
        with services.database.writing() as session:
            study = session.scalars(
                select(StudyRow).where(
                    StudyRow.institution_code == actor.institution_code, StudyRow.accession_number == accession_number
                )
            ).first()
            report = current_report(session, study) if study is not None and study.patient_key else None
            if study is None or report is None:
                raise Problem(404, "report_missing")
            sheet = report_to_print(services, session, study, report)
            record(session, actor, "report.printed", object_kind="report", object_id=report.report_key, now=now)
        return Response(as_pdf(services, sheet), media_type="application/pdf")

    return router
