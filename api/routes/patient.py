"""The patient's door: link, verification, consent, leaving."""

from datetime import timedelta

import structlog
from fastapi import APIRouter, BackgroundTasks, Request, Response

from api.audit.record import Actor, record
from api.auth.access import LINK, PUBLIC, CurrentGrant, CurrentLink, CurrentServices, actor_of, allow, own
from api.auth.cookies import GRANT_COOKIE, LINK_COOKIE, clear_cookies, set_cookie
from api.auth.link_sessions import SESSION_SECONDS
from api.auth.verification import CODE_LENGTH, CodeRequest
from api.errors import Problem
from api.messages.patient import AI_LABEL
from api.schemas.patient import (
    CertificateOut,
    CodeSent,
    CodeWish,
    ConsentIn,
    ConsentOut,
    Door,
    LinkToken,
    PhoneProof,
    Proof,
    Verified,
)
from api.settings import Mode, Settings
from api.sms.sender import SmsUnreachable
from api.wiring import Services
from api.workflows.consent import newest_consents, state_consent
from imaging_core.domain.grants import Right
from imaging_core.patients.verification import verify_id_number, verify_phone
from imaging_core.sharing.grants import grant_of, open_grant, revoke_grant
from imaging_core.sharing.links import Link, LinkKind, redeem_link

log = structlog.get_logger(__name__)

_LINK_TRIES_A_MINUTE = 30
PATIENT_RIGHTS = frozenset(Right)
SHARE_RIGHTS = frozenset({Right.REPORT, Right.JPG, Right.DICOM})
"""Of who opens a link that the patient passed on: that study, nothing of what the patient said or asked."""


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes before and around verification."""
    router = APIRouter(prefix="/api/patient", tags=["patient: door"])
    _add_link_routes(router)
    _add_verification_routes(router)
    _add_consent_routes(router)
    return router


def _add_link_routes(router: APIRouter) -> None:
    @router.get("/door", dependencies=allow(PUBLIC))
    def door(request: Request, services: CurrentServices) -> Door:
        """Say whose service this is and how one may prove who one is; nothing about a patient."""
        hospital = services.settings.hospital
        now = services.clock()
        with services.database.reading() as session:
            verified = grant_of(session, request.cookies.get(GRANT_COOKIE, ""), now) is not None
        return Door(
            hospital=hospital.name,
            operator=hospital.operator,
            hospital_phone=hospital.phone,
            certificates=[CertificateOut(name=item.name, number=item.number) for item in hospital.certificates],
            linked=services.link_sessions.link_id(request.cookies.get(LINK_COOKIE, "")) is not None,
            verified=verified,
            methods=list(services.verification.methods),
            ai_label=AI_LABEL,
            demo=services.settings.mode is Mode.DEMO,
        )

    @router.post("/link", status_code=204, dependencies=allow(PUBLIC))
    def exchange_link(body: LinkToken, request: Request, services: CurrentServices) -> Response:
        """Exchange the token of a QR code or link for a short session; unknown, expired and revoked look the same."""
        _limit_by_address(request, services)
        now = services.clock()
        with services.database.writing() as session:
            link = redeem_link(session, body.token, now)
            if link is None:
                anonymous = Actor("anonymous", "link", services.settings.hospital.institution_code)
                record(
                    session,
                    anonymous,
                    "link.refused",
                    object_kind="link",
                    object_id="unknown",
                    now=now,
                    outcome="refused",
                )
            else:
                record(session, _actor(link), "link.opened", object_kind="link", object_id=link.link_id, now=now)
        if link is None:
            raise Problem(404, "link_not_found")
        response = Response(status_code=204)
        response.delete_cookie(GRANT_COOKIE, path="/api/patient")  # a grant of another link must not linger
        secure = services.settings.http.secure_cookies
        set_cookie(
            response, LINK_COOKIE, services.link_sessions.begin(link.link_id), seconds=SESSION_SECONDS, secure=secure
        )
        return response

    @router.post("/leave", status_code=204, dependencies=allow(PUBLIC))
    def leave(request: Request, services: CurrentServices) -> Response:
        """End link session and grant."""
        services.link_sessions.end(request.cookies.get(LINK_COOKIE, ""))
        with services.database.writing() as session:
            grant = grant_of(session, request.cookies.get(GRANT_COOKIE, ""), services.clock())
            if grant is not None:
                revoke_grant(session, grant, services.clock())
        response = Response(status_code=204)
        clear_cookies(response)
        return response


def _add_verification_routes(router: APIRouter) -> None:
    @router.post("/verification/code", status_code=202, dependencies=allow(LINK))
    def send_code(
        body: CodeWish, link: CurrentLink, services: CurrentServices, afterwards: BackgroundTasks
    ) -> CodeSent:
        """Send a code to the phone on record; the answer, and how long it takes, do not tell whether it is."""
        if "phone" not in services.verification.methods:
            raise Problem(409, "method_unavailable")
        answer = services.verification.ask_for_code(link)
        if answer.outcome is CodeRequest.TOO_SOON:
            seconds = answer.retry_after_seconds
            raise Problem(429, "code_too_soon", headers={"Retry-After": str(seconds)}, retry_after_seconds=seconds)
        with services.database.reading() as session:
            on_record = verify_phone(session, services.cipher, link.patient, body.phone)
        if on_record:
            afterwards.add_task(_send_code, services, link, body.phone)
        _record(services, link, "verification.code_asked")
        return CodeSent(retry_after_seconds=answer.retry_after_seconds, code_length=CODE_LENGTH)

    @router.post("/verification", dependencies=allow(LINK))
    def verify(
        body: Proof, link: CurrentLink, request: Request, response: Response, services: CurrentServices
    ) -> Verified:
        """Prove who one is; opens a grant. Five wrong tries lock the link and the patient for a while."""
        tries = services.verification.count_try(link)
        if tries.locked:
            _record_try(services, link, body.method, "locked")
            raise Problem(
                429,
                "verification_locked",
                headers={"Retry-After": str(tries.seconds_left)},
                retry_after_seconds=tries.seconds_left,
            )
        if not _proved(services, link, body):
            _record_try(services, link, body.method, "wrong")
            raise Problem(403, "verification_failed", tries_left=tries.tries_left)
        services.verification.succeeded(link)
        settings = services.settings
        seconds = settings.verification.grant_minutes * 60
        now = services.clock()
        with services.database.writing() as session:
            rights = SHARE_RIGHTS if link.kind is LinkKind.SHARE else PATIENT_RIGHTS
            grant, cookie = open_grant(session, link, rights, now, timedelta(seconds=seconds))
            record(
                session,
                actor_of(grant),
                "verification.passed",
                object_kind="link",
                object_id=link.link_id,
                now=now,
                detail={"method": body.method},
            )
        services.link_sessions.end(request.cookies.get(LINK_COOKIE, ""))
        response.delete_cookie(LINK_COOKIE, path="/api/patient")
        set_cookie(response, GRANT_COOKIE, cookie, seconds=seconds, secure=settings.http.secure_cookies)
        return Verified(expires_at=grant.expires_at)


def _add_consent_routes(router: APIRouter) -> None:
    @router.post("/consents", status_code=204, dependencies=allow(own()))
    def state(body: ConsentIn, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Give or withdraw consent for one purpose."""
        with services.database.writing() as session:
            state_consent(
                session, grant, purpose=body.purpose, version=body.version, given=body.given, now=services.clock()
            )
        return Response(status_code=204)

    @router.get("/consents", dependencies=allow(own()))
    def consents(grant: CurrentGrant, services: CurrentServices) -> list[ConsentOut]:
        """List the newest statement for each purpose."""
        with services.database.reading() as session:
            return [ConsentOut.model_validate(row) for row in newest_consents(session, grant)]


def _limit_by_address(request: Request, services: Services) -> None:
    address = request.client.host if request.client else "unknown"
    count = services.limiter.count(f"link:{address}", window_seconds=60)
    if count.tries > _LINK_TRIES_A_MINUTE:
        raise Problem(429, "too_many", headers={"Retry-After": str(count.seconds_left)})


def _proved(services: Services, link: Link, proof: Proof) -> bool:
    with services.database.reading() as session:
        if isinstance(proof, PhoneProof):
            on_record = verify_phone(session, services.cipher, link.patient, proof.phone)
            return services.verification.take_code(link, proof.phone, proof.code) and on_record
        return verify_id_number(session, services.cipher, link.patient, proof.id_number)


def _send_code(services: Services, link: Link, phone: str) -> None:
    try:
        services.verification.send_code(link, phone)
    except SmsUnreachable as error:
        log.error("code not sent", link=link.link_id, reason=str(error))


def _record_try(services: Services, link: Link, method: str, why: str) -> None:
    _record(services, link, "verification.refused", outcome="refused", method=method, why=why)


def _record(services: Services, link: Link, action: str, outcome: str = "success", **detail: str) -> None:
    with services.database.writing() as session:
        record(
            session,
            _actor(link),
            action,
            object_kind="link",
            object_id=link.link_id,
            now=services.clock(),
            outcome=outcome,
            detail=detail,
        )


def _actor(link: Link) -> Actor:
    return Actor("anonymous", f"link:{link.link_id}", link.institution_code)
