"""What a hospital's own systems send and fetch: registrations; printed reports with their QR."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from api.audit.record import Actor, record
from api.auth.access import CurrentMachine, CurrentServices, allow, machine
from api.errors import Problem
from api.schemas.interop import RegisteredOut, RegistrationIn
from api.settings import Settings
from api.wiring import Services
from api.workflows.print_report import as_pdf, report_to_print
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import StudyRow
from imaging_core.patients.errors import IdentityConflict
from imaging_core.patients.registration import Registration
from imaging_core.patients.registry import find_patient, register_patient
from imaging_core.reports.reading import current_report

_CLOCK_TOLERANCE = timedelta(days=1)

AccessionNumber = Annotated[str, Query(pattern=r"^[^\x00]{1,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes for hospital systems."""
    router = APIRouter(prefix="/api/interop", tags=["hospital systems"])

    @router.post("/registrations", dependencies=allow(machine("registrations")))
    def register(body: RegistrationIn, actor: CurrentMachine, services: CurrentServices) -> RegisteredOut:
        """Register a patient, as ADT^A04 does; the history elsewhere is asked for after the answer."""
        if body.visit_at is not None and body.visit_at - services.clock() >= _CLOCK_TOLERANCE:
            raise Problem(422, "invalid_request", field="visit_at", fields=["visit_at"])
        try:
            return _registered(services, actor, body)
        except IntegrityError:  # another connection registered the same patient just now
            return _registered(services, actor, body)
        except IdentityConflict:
            raise Problem(409, "registration_of_another", field="patient_id") from None

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


def _registered(services: Services, actor: Actor, body: RegistrationIn) -> RegisteredOut:
    now, code = services.clock(), InstitutionCode(actor.institution_code)
    stated = body.model_dump(exclude={"visit_at"})
    registration = Registration(institution_code=code, visit_at=body.visit_at or now, **stated)
    with services.database.writing() as session:
        known = find_patient(session, institution_code=code, patient_id=body.patient_id) is not None
        patient = register_patient(session, services.cipher, registration, now)
        record(session, actor, "patient.registered", object_kind="patient", object_id=str(patient), now=now)
    return RegisteredOut(outcome="updated" if known else "registered")
