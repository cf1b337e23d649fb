"""CDS Hooks 2.0: duplicate-examination reminders while a doctor orders, the decision, and a look at what was done."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.auth.access import PUBLIC, CurrentMachine, CurrentServices, actor_of, allow, machine
from api.auth.cookies import to_page
from api.errors import Problem
from api.messages import reminders as words
from api.schemas.cds_hooks import CardFeedback, Feedback, HookCall, OrderContext
from api.settings import Settings
from api.wiring import Services
from api.workflows.check_order import Order, OrderedItem, check_order, decide, opening_of
from api.workflows.check_order_cards import cards, suggestion_id
from imaging_core.domain.grants import SHOWN_TO_DOCTORS, Grant
from imaging_core.errors import ImagingError
from imaging_core.patients.registration import EncounterClass
from imaging_core.reminders.reasons import RepeatReason
from imaging_core.reminders.tables import OrderCheckRow, OrderItemRow
from imaging_core.sharing.grants import open_grant
from imaging_core.sharing.links import Link, LinkKind, redeem_link

_SERVICES = {"duplicate-exam-select": "order-select", "duplicate-exam-sign": "order-sign"}
_MOST_ITEMS = 50
_LONGEST_NAME, _LONGEST_ORDER_ID, _LONGEST_USER = 512, 128, 64
# v3-ActCode, as Encounter.class holds it
_ENCOUNTERS = {
    **dict.fromkeys(("AMB", "OBSENC", "VR", "HH"), EncounterClass.OUTPATIENT),
    **dict.fromkeys(("EMER", "FLD"), EncounterClass.EMERGENCY),
    **dict.fromkeys(("IMP", "ACUTE", "NONAC", "SS"), EncounterClass.INPATIENT),
}

ServiceId = Annotated[str, Path(max_length=64)]
ViewRecordId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Token = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{20,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the decision support services."""
    router = APIRouter(tags=["decision support"])
    _add_services(router)

    @router.get("/prior-exams/{view_record}/{token}", dependencies=allow(PUBLIC), response_model=None)
    def open_prior_exam(view_record: ViewRecordId, token: Token, services: CurrentServices) -> Response:
        """Open an earlier examination that a card links to: the token becomes a cookie, the page follows."""
        now = services.clock()
        seconds = services.settings.verification.grant_minutes * 60
        with services.database.writing() as session:
            link = redeem_link(session, token, now)
            if link is None or not _was_shown(session, view_record, link):
                raise Problem(404, "prior_link_ended")
            grant, cookie = open_grant(session, link, SHOWN_TO_DOCTORS, now, timedelta(seconds=seconds))
            _record_view(session, grant, view_record, now)
        return to_page(cookie, seconds=seconds, secure=services.settings.http.secure_cookies)

    @router.get("/prior-exams/{view_record}/elsewhere/{token}", dependencies=allow(PUBLIC), response_model=None)
    def open_elsewhere(view_record: ViewRecordId, token: Token, services: CurrentServices) -> Response:
        """Ask the other place where an examination opens, and go there."""
        now = services.clock()
        with services.database.reading() as session:
            opening = opening_of(services, session, view_record, token, now)
        if opening is None:
            raise Problem(404, "prior_link_ended")
        try:
            address = services.elsewhere.address(opening)
        except (ImagingError, LookupError):
            raise Problem(503, "elsewhere_silent") from None
        with services.database.writing() as session:
            _record_view_elsewhere(session, services, opening["institution_code"], view_record, now)
        return RedirectResponse(address, status_code=303)

    return router


def _add_services(router: APIRouter) -> None:
    @router.get("/cds-services", dependencies=allow(PUBLIC))
    def discover() -> dict[str, Any]:
        """List the services."""
        prefetch = {"encounter": "Encounter/{{context.encounterId}}"}
        common = {"title": words.TITLE, "description": words.DESCRIPTION, "prefetch": prefetch}
        return {"services": [{"hook": hook, "id": name, **common} for name, hook in _SERVICES.items()]}

    @router.post("/cds-services/{service}", dependencies=allow(machine("orders")))
    def call(service: ServiceId, body: HookCall, actor: CurrentMachine, services: CurrentServices) -> dict[str, Any]:
        """Say what was examined already of what is being ordered."""
        _require_service(service)
        if body.hook != _SERVICES[service]:
            raise Problem(422, "invalid_request", field="hook", fields=["hook"])
        items = _ordered(body.context)
        if not items:
            return {"cards": []}
        order = Order(
            channel=body.hook,
            patient_id=body.context.patient_id.removeprefix("Patient/"),
            items=items,
            encounter_id=body.context.encounter_id or "",
            encounter_class=_encounter(body.prefetch),
            ordered_by=body.context.user_id[:_LONGEST_USER],
        )
        return {"cards": cards(check_order(services, actor, order), source=services.settings.hospital.name)}

    @router.post("/cds-services/{service}/feedback", dependencies=allow(machine("orders")), response_model=None)
    def feedback(service: ServiceId, body: Feedback, actor: CurrentMachine, services: CurrentServices) -> Response:
        """Keep what doctors decided: all of it, or nothing when one decision cannot be kept."""
        _require_service(service)
        now = services.clock()
        with services.database.writing() as session:
            for said in body.feedback:
                row = _card(session, actor, said.card)
                reason, comment = _reason(row, said)
                accepted = said.outcome == "accepted"
                decide(services, session, actor, row, accepted=accepted, reason=reason, comment=comment, now=now)
        return Response(status_code=200)


def _require_service(service: str) -> None:
    if service not in _SERVICES:
        raise Problem(404, "not_found")


def _ordered(context: OrderContext) -> tuple[OrderedItem, ...]:
    resources = [_dict(_dict(entry).get("resource")) for entry in _list(context.draft_orders.get("entry"))]
    requests = [resource for resource in resources if resource.get("resourceType") == "ServiceRequest"]
    items = [OrderedItem(f"ServiceRequest/{request.get('id', '')}", _name(request)) for request in requests]
    if context.selections is not None:
        items = [item for item in items if item.order_id in context.selections]
    unusable = [item for item in items if not item.name or not _fits(item)]
    if unusable or len(items) > _MOST_ITEMS:
        raise Problem(422, "invalid_request", field="context.draftOrders", fields=["context.draftOrders"])
    return tuple(items)


def _fits(item: OrderedItem) -> bool:
    text = item.name + item.order_id
    # neither a NUL nor half of a surrogate pair, which JSON can write, can be kept
    is_text = "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
    return is_text and len(item.name) <= _LONGEST_NAME and len(item.order_id) <= _LONGEST_ORDER_ID


def _name(request: dict[str, Any]) -> str:
    """Return the item's name: R4 has a CodeableConcept, R5 wraps it."""
    code = _dict(request.get("code"))
    concept = _dict(code.get("concept")) or code
    displays = [_dict(coding).get("display") for coding in _list(concept.get("coding"))]
    return next((text.strip() for text in (concept.get("text"), *displays) if isinstance(text, str)), "")


def _encounter(prefetch: dict[str, Any] | None) -> EncounterClass | None:
    stated = _dict(_dict(prefetch).get("encounter")).get("class")
    concepts = _list(stated) or [stated]  # R5 has a list of CodeableConcept, R4 one Coding
    codings = [coding for concept in concepts for coding in (concept, *_list(_dict(concept).get("coding")))]
    codes = [_dict(coding).get("code") for coding in codings]
    return next((_ENCOUNTERS[code] for code in codes if isinstance(code, str) and code in _ENCOUNTERS), None)


def _dict(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else []


def _card(session: Session, actor: Actor, card_id: str) -> OrderItemRow:
    row = session.scalars(
        select(OrderItemRow).where(
            OrderItemRow.card_id == card_id, OrderItemRow.institution_code == actor.institution_code
        )
    ).one_or_none()
    if row is None:
        raise Problem(404, "card_unknown")
    return row


def _reason(row: OrderItemRow, said: CardFeedback) -> tuple[RepeatReason | None, str]:
    if said.outcome == "accepted":
        if suggestion_id(row.card_id) not in {taken.id for taken in said.accepted_suggestions}:
            raise Problem(422, "invalid_request", field="acceptedSuggestions", fields=["acceptedSuggestions"])
        return None, ""
    given = said.override_reason
    if given is None:
        if row.asks_reason:
            raise Problem(422, "repeat_reason_needed")
        return None, ""
    if given.reason.code is RepeatReason.OTHER and not given.comment:
        raise Problem(422, "repeat_reason_needed")
    return given.reason.code, given.comment


def _was_shown(session: Session, view_record: str, link: Link) -> bool:
    check = session.get(OrderCheckRow, view_record) if link.kind is LinkKind.DOCTOR else None
    return check is not None and any(prior["link_id"] == link.link_id for item in check.items for prior in item.priors)


def _record_view_elsewhere(
    session: Session, services: Services, institution_code: str, view_record: str, now: datetime
) -> None:
    record(
        session,
        Actor("doctor", "card", services.settings.hospital.institution_code),
        "prior_exam.opened",
        object_kind="institution",
        object_id=institution_code,
        now=now,
        detail={"view_record_id": view_record},
    )


def _record_view(session: Session, grant: Grant, view_record: str, now: datetime) -> None:
    record(
        session,
        actor_of(grant),
        "prior_exam.opened",
        object_kind="study",
        object_id=grant.study,
        now=now,
        detail={"view_record_id": view_record},
    )
