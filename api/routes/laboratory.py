"""Laboratory reports of one patient before a doctor: opened from the plugin, read on a page of their own."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.auth.access import LABORATORY, PUBLIC, CurrentLaboratory, CurrentServices, account_actor, allow
from api.auth.cookies import set_laboratory_cookie
from api.errors import Problem
from api.messages.laboratory import flag_words, is_marked
from api.schemas.laboratory import EarlierOut, LaboratoryReportOut, LineOut, ListedReportOut
from api.settings import Settings
from api.wiring import Services
from api.workflows.laboratory_reports import persons_laboratory_reports, title_of
from api.workflows.report_text import age_on
from imaging_core.documents.laboratory_reports import LaboratoryLine, LaboratoryReport, earlier_lines
from imaging_core.patients.tables import PatientRow

PAGE = "/laboratory"

Token = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{20,64}$")]
Reference = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of laboratory reports."""
    router = APIRouter(tags=["plugin"])

    @router.get("/plugin/open/laboratory/{token}", dependencies=allow(PUBLIC), response_model=None)
    def opened(token: Token, services: CurrentServices) -> RedirectResponse:
        """Open a report: the token becomes the cookie of this patient's laboratory reports, the page follows."""
        taken = services.laboratory_views.take(token)
        if taken is None:
            raise Problem(404, "plugin_opening_ended")
        view, reference = taken
        with services.database.writing() as session:
            reports = persons_laboratory_reports(session, services, view.patient)
            if reference not in reports:
                raise Problem(404, "plugin_opening_ended")
            actor = account_actor(view.account_id, services.settings.hospital.institution_code)
            _record(session, services, actor, "prior_exam.opened", reports[reference])
        response = RedirectResponse(f"{PAGE}#{reference}", status_code=303)
        seconds = int(services.laboratory_views.lasts.total_seconds())
        secure = services.settings.http.secure_cookies
        set_laboratory_cookie(response, services.laboratory_views.begin(view), seconds=seconds, secure=secure)
        return response

    @router.get("/api/laboratory/reports/{reference}", dependencies=allow(LABORATORY))
    def read(reference: Reference, user: CurrentLaboratory, services: CurrentServices) -> LaboratoryReportOut:
        """Return one report, with what was measured before."""
        with services.database.writing() as session:
            reports = persons_laboratory_reports(session, services, user.view.patient)
            if reference not in reports:
                raise Problem(404, "not_found")
            _record(session, services, user.actor, "laboratory.viewed", reports[reference])
            return _shown(services, session.get_one(PatientRow, user.view.patient), reports, reference)

    return router


def _shown(
    services: Services, patient: PatientRow, reports: dict[str, LaboratoryReport], reference: str
) -> LaboratoryReportOut:
    report = reports[reference]
    every = list(reports.values())
    return LaboratoryReportOut(
        name=patient.name,
        sex=patient.sex,
        age=age_on(patient.birth_date, services.clock().date()),
        reference=reference,
        title=title_of(report),
        report_number=report.report_number,
        observed_at=report.observed_at,
        institution=services.settings.institution_name(report.institution_code),
        lines=[_line(line, list(earlier_lines(every, report, line))) for line in report.lines],
        reports=[
            ListedReportOut(
                reference=name,
                title=title_of(other),
                observed_at=other.observed_at,
                institution=services.settings.institution_name(other.institution_code),
            )
            for name, other in reports.items()
        ],
    )


def _line(line: LaboratoryLine, earlier: list[LaboratoryLine]) -> LineOut:
    return LineOut(
        item=line.item_name,
        value=line.value,
        unit=line.unit,
        reference_range=line.reference_range,
        flag=line.flag,
        flag_words=flag_words(line.flag),
        marked=is_marked(line.flag),
        earlier=[EarlierOut.model_validate(before) for before in earlier],
    )


def _record(session: Session, services: Services, actor: Actor, action: str, report: LaboratoryReport) -> None:
    record(
        session,
        actor,
        action,
        object_kind="laboratory_report",
        object_id=report.report_number,
        now=services.clock(),
        detail={"institution_code": report.institution_code, "patient": report.patient},
    )
