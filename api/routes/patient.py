"""The patient's door: link, verification, consent, leaving."""

from collections.abc import Set as AbstractSet
from datetime import timedelta

import structlog
from fastapi import APIRouter, BackgroundTasks, Request, Response

from api.audit.record import Actor, record
from api.auth.access import LINK, PUBLIC, CurrentGrant, CurrentLink, CurrentServices, actor_of, allow, own, patient
from api.auth.citizen.entry import entries_of
from api.auth.cookies import GRANT_COOKIE, LINK_COOKIE, clear_cookies, set_cookie
from api.auth.link_sessions import SESSION_SECONDS
from api.auth.throttle import throttle_address
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
    OpenProof,
    PasscodeProof,
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
from imaging_core.sharing.shares import Share, note_opened, note_wrong_try, share_of

log = structlog.get_logger(__name__)

_LINK_TRIES_A_MINUTE = 30
PATIENT_RIGHTS = frozenset(Right)


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
        link_id = services.link_sessions.link_id(request.cookies.get(LINK_COOKIE, ""))
        with services.database.reading() as session:
            verified = grant_of(session, request.cookies.get(GRANT_COOKIE, ""), now) is not None
            share = share_of(session, link_id) if link_id else None
        return Door(
            hospital=hospital.name,
            operator=hospital.operator,
            hospital_phone=hospital.phone,
            certificates=[CertificateOut(name=item.name, number=item.number) for item in hospital.certificates],
            entries=entries_of(services.settings),
            linked=link_id is not None,
            verified=verified,
            methods=list(share.methods if share else services.verification.methods),
            ai_label=AI_LABEL,
            demo=services.settings.mode is Mode.DEMO,
        )

    @router.post("/link", status_code=204, dependencies=allow(PUBLIC))
    def exchange_link(body: LinkToken, request: Request, services: CurrentServices) -> Response:
        """Exchange the token of a QR code or link for a short session; unknown, expired and revoked look the same."""
        throttle_address(services.limiter, request, "link", most=_LINK_TRIES_A_MINUTE)
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

    @router.get("/grant", status_code=204, dependencies=allow(patient()))
    def still_granted() -> Response:
        """Say that the grant still stands: the page of a share asks every few seconds, and closes once it does not."""
        return Response(status_code=204)

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
        _require_method(services, link, "phone")
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
        """Prove who one is, or know the passcode of a share; opens a grant.

        Five wrong tries lock the link for a while, and with it the patient's other links unless it is a share.
        """
        _require_method(services, link, body.method)
        tries = services.verification.count_try(link)
        if tries.locked:
            _record_try(services, link, body.method, "locked")
            raise Problem(
                429,
                "verification_locked",
                headers={"Retry-After": str(tries.seconds_left)},
                retry_after_seconds=tries.seconds_left,
            )
        rights = _rights_proved(services, link, body)
        if rights is None:
            _record_try(services, link, body.method, "wrong")
            raise Problem(403, "verification_failed", tries_left=tries.tries_left)
        services.verification.succeeded(link)
        settings = services.settings
        seconds = settings.verification.grant_minutes * 60
        now = services.clock()
        with services.database.writing() as session:
            grant, cookie = open_grant(session, link, rights, now, timedelta(seconds=seconds))
            if link.kind is LinkKind.SHARE:
                note_opened(session, link, now)
            record(
                session,
                actor_of(grant),
                "share.opened" if link.kind is LinkKind.SHARE else "verification.passed",
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


def _require_method(services: Services, link: Link, method: str) -> None:
    """Refuse a proof that this link does not ask for: no ID number opens a share, no passcode a report."""
    share = _share(services, link)
    if method not in (share.methods if share else services.verification.methods):
        raise Problem(409, "method_unavailable")


def _rights_proved(services: Services, link: Link, proof: Proof) -> AbstractSet[Right] | None:
    """Return the rights that a proof opens, None when it is wrong."""
    if isinstance(proof, PasscodeProof | OpenProof):
        share = _share(services, link)
        given = proof.passcode if isinstance(proof, PasscodeProof) else ""
        return share.rights if share and share.opened_by(services.code_hasher, given) else None
    with services.database.reading() as session:
        if isinstance(proof, PhoneProof):
            on_record = verify_phone(session, services.cipher, link.patient, proof.phone)
            right = services.verification.take_code(link, proof.phone, proof.code) and on_record
        else:
            right = verify_id_number(session, services.cipher, link.patient, proof.id_number)
    return PATIENT_RIGHTS if right else None


def _share(services: Services, link: Link) -> Share | None:
    with services.database.reading() as session:
        return share_of(session, link.link_id)


def _send_code(services: Services, link: Link, phone: str) -> None:
    try:
        services.verification.send_code(link, phone)
    except SmsUnreachable as error:
        log.error("code not sent", link=link.link_id, reason=str(error))


def _record_try(services: Services, link: Link, method: str, why: str) -> None:
    shared = link.kind is LinkKind.SHARE
    action = "share.refused" if shared else "verification.refused"
    _record(services, link, action, outcome="refused", method=method, why=why)
    if shared and why == "wrong":
        with services.database.writing() as session:
            ended = note_wrong_try(session, link, services.clock())
        if ended:
            _record(services, link, "share.revoked", why="too many wrong passcodes")


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
