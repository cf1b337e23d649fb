"""The retrieval door (跨院调阅): a ticket of the regional platform opens one study to a doctor of another hospital."""

import hashlib
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.auth.access import PUBLIC, CurrentServices, allow
from api.auth.cookies import to_page
from api.auth.throttle import throttle_address
from api.errors import Problem
from api.settings import Settings
from api.wiring import Services
from api.workflows.register_study import State
from imaging_core.domain.grants import SHOWN_TO_DOCTORS
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index import queries
from imaging_core.index.tables import StudyRow
from imaging_core.interop.regional.signing import RetrievalTicket, open_ticket
from imaging_core.interop.regional.tables import RegistrationRow
from imaging_core.reports.reading import current_report
from imaging_core.sharing.grants import open_grant
from imaging_core.sharing.links import LinkKind, new_link

_TRIES_A_MINUTE = 30

Ticket = Annotated[str, Query(min_length=1, max_length=4096)]


def make_router(_settings: Settings) -> APIRouter:
    """Return the door."""
    router = APIRouter(tags=["regional platform"])

    @router.get("/region/open", dependencies=allow(PUBLIC), response_model=None)
    def open_study(ticket: Ticket, request: Request, services: CurrentServices) -> Response:
        """Open a study with a ticket: it becomes a cookie, the page follows. Every refusal looks the same."""
        throttle_address(services.limiter, request, "region", most=_TRIES_A_MINUTE)
        cookie = _opened(services, ticket)
        if cookie is None:
            raise Problem(404, "region_ticket_refused")
        secure, seconds = services.settings.http.secure_cookies, services.settings.platform.open_minutes * 60
        return to_page(cookie, seconds=seconds, secure=secure)

    return router


def _opened(services: Services, sealed: str) -> str | None:
    settings, now = services.settings, services.clock()
    if settings.platform.url is None:
        return None
    ticket = open_ticket(
        settings.platform.secret.get_secret_value().encode(),
        sealed,
        institution_code=settings.institution_on_platform,
        now=now,
        longest=timedelta(minutes=settings.platform.ticket_minutes),
    )
    if ticket is None or not _spend(services, ticket):
        _record_refusal(services)
        return None
    lasts = timedelta(minutes=settings.platform.open_minutes)
    code = settings.hospital.institution_code
    with services.database.writing() as session:
        study = _registered_study(session, code, ticket)
        if study is None:
            return None
        link = new_link(session, services.link_issuer, study, LinkKind.DOCTOR, now, now + lasts).link
        grant, cookie = open_grant(session, link, SHOWN_TO_DOCTORS, now, lasts)
        record(
            session,
            Actor("region", f"institution:{ticket.requested_by}"[:64], code),
            "study.opened_by_region",
            object_kind="study",
            object_id=study.study_instance_uid,
            now=now,
            detail={"view_record_id": ticket.view_record_id, "grant": grant.grant_id},
        )
    return cookie


def _spend(services: Services, ticket: RetrievalTicket) -> bool:
    """Return whether the ticket is used for the first time; remembered for longer than any ticket lasts."""
    seconds = int(services.settings.platform.ticket_minutes * 60) + 1
    key = "region-ticket:" + hashlib.sha256(ticket.ticket_id.encode()).hexdigest()
    return bool(services.redis.set(key, b"spent", nx=True, ex=seconds))


def _registered_study(session: Session, code: str, ticket: RetrievalTicket) -> StudyRow | None:
    """Return the study of a ticket, if it is one that we registered and whose report stands."""
    row = session.scalars(
        select(RegistrationRow).where(
            RegistrationRow.institution_code == InstitutionCode(code),
            RegistrationRow.examination_id == ticket.examination_id,
            RegistrationRow.state != State.WITHDRAWN,
        )
    ).one_or_none()
    study = queries.study(session, code, row.study_instance_uid) if row is not None else None
    if study is None or study.patient_key is None or current_report(session, study) is None:
        return None
    return study


def _record_refusal(services: Services) -> None:
    code = services.settings.hospital.institution_code
    with services.database.writing() as session:
        record(
            session,
            Actor("anonymous", "region", code),
            "region.refused",
            object_kind="ticket",
            object_id="unknown",
            now=services.clock(),
            outcome="refused",
        )
