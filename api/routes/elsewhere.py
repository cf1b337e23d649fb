"""What other hospitals have of the patient, asked through the regional platform; for the patient in person alone."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, own
from api.auth.throttle import throttle
from api.errors import Problem
from api.schemas.elsewhere import AddressOut, ElsewhereOut, ExamElsewhereOut
from api.settings import Settings
from api.wiring import Services
from api.workflows.consent import require_consent
from api.workflows.exams_elsewhere import CONSENT, FewAtOnce, keep, kept, person_of
from imaging_core.domain.grants import Grant, Right
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.interop.regional import Examination

_QUESTIONS_AT_ONCE = 8
_QUESTIONS_A_MINUTE = 30

Handle = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{20,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes to other hospitals."""
    router = APIRouter(prefix="/api/patient/elsewhere", tags=["patient: other hospitals"])
    platform = FewAtOnce(_QUESTIONS_AT_ONCE)

    @router.get("", dependencies=allow(own(Right.REPORT)))
    def find(grant: CurrentGrant, services: CurrentServices) -> ElsewhereOut:
        """Ask what other hospitals registered for this person; a platform that is slow or dead is a state, no error."""
        port = services.platform
        if port is None:
            return ElsewhereOut(state="not_connected", exams=[])
        with services.database.reading() as session:
            person = person_of(services, session, grant)
            if person is None:
                return ElsewhereOut(state="no_id_number", exams=[])
            require_consent(session, grant, CONSENT)
        _throttle(services, grant)
        history = platform.ask(lambda: port.find_history(person))
        if history is None:
            _audit(services, grant, "elsewhere.asked", "failed")
            return ElsewhereOut(state="unavailable", exams=[])
        found = keep(services, grant, history)
        _audit(services, grant, "elsewhere.asked", view_record_id=history.view_record_id, exams=len(found))
        return ElsewhereOut(state="answered", exams=[_exam(handle, exam) for handle, exam in found.items()])

    @router.post("/{handle}", dependencies=allow(own(Right.REPORT)))
    def open_exam(handle: Handle, grant: CurrentGrant, services: CurrentServices) -> AddressOut:
        """Exchange a handle for the address where the examination opens, once and soon: asked for at the tap."""
        opening = kept(services, grant, handle)
        if opening is None:
            raise Problem(404, "elsewhere_unknown")
        with services.database.reading() as session:
            require_consent(session, grant, CONSENT)
        _throttle(services, grant)
        port, exam = services.platform, opening.examination
        address = platform.ask(lambda: port.retrieval_address(opening.view_record_id, exam)) if port else None
        told = {"view_record_id": opening.view_record_id, "institution_code": exam.institution_code, "exam": handle}
        _audit(services, grant, "elsewhere.opened", "success" if address else "failed", **told)
        if address is None:
            raise Problem(503, "elsewhere_silent")
        return AddressOut(url=address.url)

    return router


def _throttle(services: Services, grant: Grant) -> None:
    throttle(services.limiter, f"elsewhere:{grant.institution_code}:{grant.patient}", most=_QUESTIONS_A_MINUTE)


def _exam(handle: str, exam: Examination) -> ExamElsewhereOut:
    return ExamElsewhereOut(
        handle=handle,
        exam_date=exam.examined_at.astimezone(CHINA).date(),
        exam_item=exam.item,
        modality=exam.modality,
        institution=exam.institution_name or exam.institution_code,
        has_images=exam.has_images,
        has_report=exam.has_report,
    )


def _audit(
    services: Services,
    grant: Grant,
    action: str,
    outcome: Literal["success", "failed"] = "success",
    **detail: str | int,
) -> None:
    with services.database.writing() as session:
        record(
            session,
            actor_of(grant),
            action,
            object_kind="patient",
            object_id=str(grant.patient),
            now=services.clock(),
            outcome=outcome,
            detail=detail,
        )
