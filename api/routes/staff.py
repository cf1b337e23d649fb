"""Sign-in of staff: password, second factor, own password, leaving."""

import hashlib

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from api.accounts.passwords import password_matches
from api.accounts.second_factor import new_secret, provisioning_uri, qr_svg, seal_secret, take_code
from api.accounts.sessions import LONGEST, Staff, Stage, end_session, open_session, pass_second_factor, staff_of
from api.accounts.store import change_password, find_account
from api.accounts.tables import AccountRow
from api.audit.record import Actor, record
from api.auth.access import PUBLIC, SIGNED_IN, CurrentServices, CurrentStaff, allow, staff_actor
from api.auth.cookies import STAFF_COOKIE, clear_staff_cookie, set_staff_cookie
from api.errors import Problem
from api.schemas.staff import CodeProof, EnrolProof, NewPassword, SecondFactor, SignedIn, SignIn
from api.settings import Settings
from api.wiring import Services

_TRIES = 5
_TRIES_OF_AN_ADDRESS = 50
_LOCK_SECONDS = 15 * 60


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(prefix="/api/staff", tags=["staff: sign-in"])
    _add_session_routes(router)
    _add_second_factor_routes(router)
    _add_password_route(router)
    return router


def _add_session_routes(router: APIRouter) -> None:
    @router.post("/session", dependencies=allow(PUBLIC))
    def sign_in(body: SignIn, request: Request, response: Response, services: CurrentServices) -> SignedIn:
        """Begin a session; unknown logins, wrong passwords and disabled accounts look the same."""
        code = services.settings.hospital.institution_code
        key = hashlib.sha256(body.login.lower().encode()).hexdigest()
        address = request.client.host if request.client else "unknown"
        _count(services, f"sign-in-from:{address}", _TRIES_OF_AN_ADDRESS)
        _count(services, f"sign-in:{key}", _TRIES)
        with services.database.reading() as session:
            account = find_account(session, code, body.login)
        right = password_matches(account.password_hash if account else None, body.password)
        now = services.clock()
        if account is None or not right or account.disabled_at is not None:
            with services.database.writing() as session:
                known = f"account:{account.id}" if account else "unknown"
                actor = Actor("anonymous", known, code)
                record(
                    session, actor, "staff.refused", object_kind="account", object_id=known, now=now, outcome="refused"
                )
            raise Problem(401, "sign_in_failed")
        services.limiter.forget(f"sign-in:{key}")
        with services.database.writing() as session:
            token = open_session(session, account, now)
            found = staff_of(session, token, now)
            if found is None:  # disabled in this very moment
                raise Problem(401, "sign_in_failed")
            _record(services, session, found, "staff.signed_in")
        _hold(response, services, token)
        return _signed_in(found)

    @router.get("/session", dependencies=allow(SIGNED_IN))
    def who(found: CurrentStaff) -> SignedIn:
        """Say who is signed in."""
        return _signed_in(found)

    @router.delete("/session", status_code=204, dependencies=allow(SIGNED_IN))
    def sign_out(found: CurrentStaff, services: CurrentServices) -> Response:
        """End the session."""
        with services.database.writing() as session:
            end_session(session, found, services.clock())
            _record(services, session, found, "staff.signed_out")
        response = Response(status_code=204)
        clear_staff_cookie(response)
        return response


def _add_second_factor_routes(router: APIRouter) -> None:
    @router.post("/session/code", dependencies=allow(SIGNED_IN))
    def prove_code(body: CodeProof, found: CurrentStaff, request: Request, services: CurrentServices) -> SignedIn:
        """Prove the second factor."""
        if found.stage is not Stage.CODE:
            return _signed_in(found)
        _count(services, f"totp-tries:{found.account_id}", _TRIES)
        now = services.clock()
        with services.database.reading() as session:
            account = session.get_one(AccountRow, found.account_id)
        sealed = account.second_factor
        right = sealed is not None and take_code(
            services.redis, services.cipher, sealed, body.code, account_id=account.id, now=now
        )
        with services.database.writing() as session:
            outcome = "success" if right else "refused"
            _record(services, session, found, "staff.code_proved", outcome=outcome)
            if right:
                pass_second_factor(session, found)
        if not right:
            raise Problem(403, "code_wrong")
        services.limiter.forget(f"totp-tries:{found.account_id}")
        return _now(request, services)

    @router.post("/second-factor", dependencies=allow(SIGNED_IN))
    def propose(found: CurrentStaff, services: CurrentServices) -> SecondFactor:
        """Return a fresh secret to put into an authenticator app; nothing changes yet."""
        _refuse_kept(services, found)
        secret = new_secret()
        uri = provisioning_uri(secret, login=found.login, issuer=services.settings.hospital.name)
        return SecondFactor(secret=secret, uri=uri, qr_svg=qr_svg(uri))

    @router.post("/second-factor/confirm", dependencies=allow(SIGNED_IN))
    def enrol(body: EnrolProof, found: CurrentStaff, request: Request, services: CurrentServices) -> SignedIn:
        """Bind the secret to the account, once a code of it was given."""
        _refuse_kept(services, found)
        _count(services, f"totp-tries:{found.account_id}", _TRIES)
        sealed = seal_secret(services.cipher, body.secret, account_id=found.account_id)
        if not take_code(
            services.redis, services.cipher, sealed, body.code, account_id=found.account_id, now=services.clock()
        ):
            raise Problem(403, "code_wrong")
        with services.database.writing() as session:
            account = session.get_one(AccountRow, found.account_id)
            if account.second_factor is not None:
                raise Problem(409, "second_factor_kept")
            account.second_factor = sealed
            pass_second_factor(session, found)
            _record(services, session, found, "staff.second_factor_bound")
        services.limiter.forget(f"totp-tries:{found.account_id}")
        return _now(request, services)


def _add_password_route(router: APIRouter) -> None:
    @router.post("/password", dependencies=allow(SIGNED_IN))
    def new_password(body: NewPassword, found: CurrentStaff, response: Response, services: CurrentServices) -> SignedIn:
        """Change one's own password; other sign-ins of the account end."""
        if found.stage in {Stage.CODE, Stage.ENROL}:
            raise Problem(403, "sign_in_unfinished", stage=found.stage)
        _count(services, f"password:{found.account_id}", _TRIES)
        now = services.clock()
        with services.database.reading() as session:
            account = session.get_one(AccountRow, found.account_id)
        if not password_matches(account.password_hash, body.current):
            raise Problem(403, "password_wrong", field="current")
        with services.database.writing() as session:
            account = session.get_one(AccountRow, found.account_id)
            change_password(session, account, body.new, now)
            token = open_session(session, account, now)
            begun = staff_of(session, token, now)
            assert begun is not None  # noqa: S101  # it was opened two lines above
            if account.second_factor is not None:
                pass_second_factor(session, begun)
                begun = staff_of(session, token, now) or begun
            _record(services, session, begun, "account.password_changed")
        services.limiter.forget(f"password:{found.account_id}")
        _hold(response, services, token)
        return _signed_in(begun)


def _hold(response: Response, services: Services, token: str) -> None:
    seconds = int(LONGEST.total_seconds())
    set_staff_cookie(response, token, seconds=seconds, secure=services.settings.http.secure_cookies)


def _signed_in(found: Staff) -> SignedIn:
    return SignedIn(login=found.login, name=found.name, roles=sorted(found.roles), stage=found.stage)


def _now(request: Request, services: Services) -> SignedIn:
    with services.database.reading() as session:
        found = staff_of(session, request.cookies.get(STAFF_COOKIE, ""), services.clock())
    if found is None:
        raise Problem(401, "sign_in_needed")
    return _signed_in(found)


def _refuse_kept(services: Services, found: Staff) -> None:
    with services.database.reading() as session:
        if session.get_one(AccountRow, found.account_id).second_factor is not None:
            raise Problem(409, "second_factor_kept")


def _count(services: Services, key: str, most: int) -> None:
    count = services.limiter.count(key, window_seconds=_LOCK_SECONDS)
    if count.tries > most:
        raise Problem(
            429,
            "sign_in_locked",
            headers={"Retry-After": str(count.seconds_left)},
            retry_after_seconds=count.seconds_left,
        )


def _record(services: Services, session: Session, found: Staff, action: str, *, outcome: str = "success") -> None:
    record(
        session,
        staff_actor(found),
        action,
        object_kind="account",
        object_id=f"account:{found.account_id}",
        now=services.clock(),
        outcome=outcome,
    )
