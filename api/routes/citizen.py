"""The way in from outside citizen platforms: begun at the door (OIDC) or on the platform (one-time ticket).

Whatever happens, the browser is sent on at once to the phone page: codes and tickets leave the address, and what the
page has to say stands behind its `#`, where no log sees it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse

from api.audit.record import Actor, record
from api.auth.access import PUBLIC, CurrentServices, actor_of, allow
from api.auth.citizen.entry import open_for_citizen
from api.auth.citizen.port import Citizen, CitizenPlatform, CitizenPlatformUnavailable, CitizenRefused
from api.auth.citizen.visits import VISIT_COOKIE, VISIT_PATH, VISIT_SECONDS
from api.auth.cookies import GRANT_COOKIE, LINK_COOKIE, to_page
from api.auth.throttle import throttle_address
from api.errors import Problem
from api.settings import Settings
from api.wiring import Services

log = structlog.get_logger(__name__)

_TRIES_A_MINUTE = 60
_LONGEST_REFERENCE = 4096

PlatformName = Annotated[str, Path(max_length=32)]
# an address is made by anyone: what is missing or too long is refused by the page's words, not by a list of fields
Text = Annotated[str, Query()]


class Arrival(StrEnum):
    """What the page says."""

    HERE = "here"
    NOTHING = "nothing"
    """Nobody with this ID number, another name, no examination: all the same."""
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes from and to citizen platforms."""
    router = APIRouter(prefix=VISIT_PATH, tags=["patient: citizen platforms"])

    @router.get("/{platform}/begin", dependencies=allow(PUBLIC), response_model=None)
    def begin(platform: PlatformName, request: Request, services: CurrentServices) -> RedirectResponse:
        """Send the browser to the platform's sign-in page."""
        adapter = _platform(services, platform)
        throttle_address(services.limiter, request, "citizen", most=_TRIES_A_MINUTE)
        visit, cookie = services.citizen_visits.begin(platform)
        try:
            address = adapter.address(visit)
        except CitizenPlatformUnavailable as error:
            log.error("citizen platform unavailable", platform=platform, reason=str(error))
            return _to_page(Arrival.UNAVAILABLE)
        if address is None:
            raise Problem(404, "not_found")
        response = RedirectResponse(address, status_code=303)
        secure = services.settings.http.secure_cookies
        response.set_cookie(
            VISIT_COOKIE, cookie, max_age=VISIT_SECONDS, path=VISIT_PATH, httponly=True, secure=secure, samesite="lax"
        )
        return response

    @router.get("/{platform}/callback", dependencies=allow(PUBLIC), response_model=None)
    def callback(
        platform: PlatformName,
        request: Request,
        services: CurrentServices,
        code: Text = "",
        state: Text = "",
    ) -> RedirectResponse:
        """Take a browser back from the sign-in page it was sent to."""
        adapter = _platform(services, platform)
        throttle_address(services.limiter, request, "citizen", most=_TRIES_A_MINUTE)

        def identify(now: datetime) -> Citizen:
            visit = services.citizen_visits.take(platform, request.cookies.get(VISIT_COOKIE, ""), state)
            if visit is None:
                raise CitizenRefused("not_begun_here")
            if not 0 < len(code) <= _LONGEST_REFERENCE:
                raise CitizenRefused("sign_in_cancelled")
            return adapter.identify(code, visit, now)

        response = _arrive(request, services, platform, identify)
        response.delete_cookie(VISIT_COOKIE, path=VISIT_PATH)
        return response

    @router.get("/{platform}/enter", dependencies=allow(PUBLIC), response_model=None)
    def enter(
        platform: PlatformName, request: Request, services: CurrentServices, ticket: Text = ""
    ) -> RedirectResponse:
        """Take a browser that the platform sends with a one-time ticket."""
        adapter = _platform(services, platform)
        throttle_address(services.limiter, request, "citizen", most=_TRIES_A_MINUTE)

        def identify(now: datetime) -> Citizen:
            if not 0 < len(ticket) <= _LONGEST_REFERENCE:
                raise CitizenRefused("ticket_missing")
            return adapter.identify(ticket, None, now)

        return _arrive(request, services, platform, identify)

    return router


def _platform(services: Services, name: str) -> CitizenPlatform:
    platform = services.citizen_platforms.get(name)
    if platform is None:
        raise Problem(404, "not_found")
    return platform


def _arrive(
    request: Request, services: Services, platform: str, identify: Callable[[datetime], Citizen]
) -> RedirectResponse:
    """Open the person's own studies, or say kindly why not; a visit that was open in this browser ends either way."""
    now = services.clock()
    lasts = timedelta(minutes=services.settings.verification.grant_minutes)
    try:
        citizen = identify(now)
    except CitizenRefused as error:
        return _refused(services, platform, Arrival.REFUSED, str(error), now)
    except CitizenPlatformUnavailable as error:
        log.error("citizen platform unavailable", platform=platform, reason=str(error))
        return _refused(services, platform, Arrival.UNAVAILABLE, "unavailable", now)
    with services.database.writing() as session:
        opened = open_for_citizen(services, session, citizen, now, lasts)
        if opened is not None:
            grant, cookie = opened
            record(
                session,
                actor_of(grant),
                "citizen.entered",
                object_kind="citizen_platform",
                object_id=platform,
                now=now,
            )
    if opened is None:
        return _refused(services, platform, Arrival.NOTHING, "nothing_to_show", now)
    services.link_sessions.end(request.cookies.get(LINK_COOKIE, ""))
    seconds, secure = int(lasts.total_seconds()), services.settings.http.secure_cookies
    return to_page(cookie, seconds=seconds, secure=secure, address=_address(Arrival.HERE))


def _refused(services: Services, platform: str, arrival: Arrival, why: str, now: datetime) -> RedirectResponse:
    actor = Actor("anonymous", f"citizen:{platform}", services.settings.hospital.institution_code)
    with services.database.writing() as session:
        record(
            session,
            actor,
            "citizen.refused",
            object_kind="citizen_platform",
            object_id=platform,
            now=now,
            outcome="refused",
            detail={"why": why},
        )
    response = _to_page(arrival)
    # who comes as somebody else must not land on the pages of whoever used this browser before
    response.delete_cookie(GRANT_COOKIE, path="/api/patient")
    return response


def _to_page(arrival: Arrival) -> RedirectResponse:
    return RedirectResponse(_address(arrival), status_code=303)


def _address(arrival: Arrival) -> str:
    return f"/r#/?citizen={arrival}"
