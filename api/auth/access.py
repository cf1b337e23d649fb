"""Access rules of routes.

Every route declares exactly one rule in its `dependencies`: `allow(PUBLIC)`, `allow(LINK)`,
`allow(patient(Right.REPORT))`, `allow(own())`, `allow(staff(Role.AUDITOR))`, `allow(PLUGIN)`,
`allow(LABORATORY)`, `allow(machine("stow"))`.
`require_declared_access` is called while the application is built and refuses a route that declares none.
"""

import hmac
import ipaddress
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response, params
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from api.accounts.roles import Role
from api.accounts.sessions import Staff, Stage, see, staff_of, wants_to_be_seen
from api.accounts.tables import AccountRow
from api.audit.record import Actor
from api.auth.cookies import GRANT_COOKIE, LABORATORY_COOKIE, LINK_COOKIE, PLUGIN_COOKIE, STAFF_COOKIE
from api.auth.laboratory_views import LaboratoryView
from api.auth.launches import PluginSession
from api.errors import Problem
from api.settings import Mode
from api.wiring import Services
from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.sharing.grants import grant_of
from imaging_core.sharing.links import Link, usable_link


class UndeclaredRoute(Exception):
    """A route says nothing about who may call it."""


class AccessRule:
    """A rule; called as a dependency before the route's own code."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, request: Request) -> None:
        """Let the caller in, or raise `Problem`."""
        raise NotImplementedError


class _Public(AccessRule):
    def __call__(self, request: Request) -> None:
        """Anyone, without personal data in the answer."""


class _DemoOnly(AccessRule):
    def __call__(self, request: Request) -> None:
        """Anyone, in demo mode only."""
        if services_of(request).settings.mode is not Mode.DEMO:
            raise Problem(404, "not_found")


class _Linked(AccessRule):
    def __call__(self, request: Request) -> None:
        """Holders of an exchanged link."""
        services = services_of(request)
        link_id = services.link_sessions.link_id(request.cookies.get(LINK_COOKIE, ""))
        if link_id is None:
            raise Problem(401, "link_needed")
        with services.database.reading() as session:
            link = usable_link(session, link_id, services.clock())
        if link is None:
            raise Problem(401, "link_needed")
        request.state.link = link


class _Patient(AccessRule):
    def __init__(self, rights: tuple[Right, ...], *, own: bool) -> None:
        super().__init__(("own:" if own else "patient:") + "+".join(sorted(rights)))
        self.rights = rights
        self.own = own

    def __call__(self, request: Request) -> None:
        """Holders of a grant that carries all named rights."""
        services = services_of(request)
        with services.database.reading() as session:
            grant = grant_of(session, request.cookies.get(GRANT_COOKIE, ""), services.clock())
        if grant is None:
            raise Problem(401, "verification_needed")
        if not all(grant.allows(right) for right in self.rights) or (self.own and grant.holder is not Holder.PATIENT):
            raise Problem(403, "right_missing")
        request.state.grant = grant


class _Machine(AccessRule):
    def __init__(self, scope: str) -> None:
        super().__init__(f"machine:{scope}")
        self.scope = scope

    def __call__(self, request: Request) -> None:
        """Machines whose key carries the scope."""
        key = services_of(request).machine_keys.find(request.headers.get("authorization", ""))
        if key is None:
            raise Problem(401, "machine_key_needed", headers={"WWW-Authenticate": 'Bearer realm="mingying"'})
        if self.scope not in key.scopes:
            raise Problem(403, "scope_missing")
        request.state.actor = key.actor


class _SignedIn(AccessRule):
    def __call__(self, request: Request) -> None:
        """Staff who gave the right password, whatever their sign-in still lacks."""
        services = services_of(request)
        now = services.clock()
        with services.database.reading() as session:
            found = staff_of(session, request.cookies.get(STAFF_COOKIE, ""), now)
        if found is None:
            raise Problem(401, "sign_in_needed")
        if wants_to_be_seen(found, now):
            with services.database.writing() as session:
                see(session, found, now)
        request.state.staff = found


class _Staff(_SignedIn):
    def __init__(self, roles: tuple[Role, ...]) -> None:
        super().__init__("staff:" + "|".join(sorted(roles)))
        self.roles = frozenset(roles)

    def __call__(self, request: Request) -> None:
        """Staff whose sign-in is complete and who hold one of the roles."""
        super().__call__(request)
        found: Staff = request.state.staff
        if found.stage is not Stage.OPEN:
            raise Problem(403, "sign_in_unfinished", stage=found.stage)
        if self.roles and not self.roles & found.roles:
            raise Problem(403, "role_missing")


@dataclass(frozen=True, slots=True)
class PluginUser:
    """The doctor of an awake plugin."""

    account_id: int
    actor: Actor
    session: PluginSession


class _Plugin(AccessRule):
    def __call__(self, request: Request) -> None:
        """Plugins that a HIS woke for a doctor, while the account is in use and a doctor's."""
        services = services_of(request)
        found = services.plugin_sessions.find(request.cookies.get(PLUGIN_COOKIE, ""), services.clock())
        if found is None:
            raise Problem(401, "launch_needed")
        actor = _doctor_in_use(services, found.launch.account_id)
        if actor is None:
            raise Problem(401, "launch_needed")
        request.state.plugin = PluginUser(found.launch.account_id, actor, found)


@dataclass(frozen=True, slots=True)
class LaboratoryReader:
    """The doctor before whom a patient's laboratory reports lie."""

    actor: Actor
    view: LaboratoryView


class _Laboratory(AccessRule):
    def __call__(self, request: Request) -> None:
        """Doctors who opened a patient's laboratory reports, while the account is in use and a doctor's."""
        services = services_of(request)
        view = services.laboratory_views.find(request.cookies.get(LABORATORY_COOKIE, ""))
        actor = _doctor_in_use(services, view.account_id) if view else None
        if view is None or actor is None:
            raise Problem(401, "laboratory_ended")
        request.state.laboratory = LaboratoryReader(actor, view)


def _doctor_in_use(services: Services, account_id: int) -> Actor | None:
    with services.database.reading() as session:
        account = session.get(AccountRow, account_id)
    if account is None or account.disabled_at is not None or Role.DOCTOR not in account.roles:
        return None
    return account_actor(account.id, account.institution_code)


class _Operations(AccessRule):
    def __call__(self, request: Request) -> None:
        """The metrics token, or a direct call from this machine (not through a proxy)."""
        token = services_of(request).settings.http.metrics_token
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            return
        host = request.client.host if request.client else ""
        if token is None and "x-forwarded-for" not in request.headers and _is_loopback(host):
            return
        raise Problem(404, "not_found")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


PUBLIC: AccessRule = _Public("public")
DEMO_ONLY: AccessRule = _DemoOnly("demo only")
LINK: AccessRule = _Linked("link")
OPERATIONS: AccessRule = _Operations("operations")
SIGNED_IN: AccessRule = _SignedIn("signed in")
PLUGIN: AccessRule = _Plugin("plugin")
LABORATORY: AccessRule = _Laboratory("laboratory")


def patient(*rights: Right) -> AccessRule:
    """Return the rule for holders of a grant with these rights."""
    return _Patient(rights, own=False)


def own(*rights: Right) -> AccessRule:
    """Return the rule for the patient in person: what they said, asked and photographed is in no share."""
    return _Patient(rights, own=True)


def staff(*roles: Role) -> AccessRule:
    """Return the rule for staff who hold one of these roles; without roles, for all staff."""
    return _Staff(roles)


def machine(scope: str) -> AccessRule:
    """Return the rule for machines with this scope."""
    return _Machine(scope)


def allow(rule: AccessRule) -> list[params.Depends]:
    """Return the `dependencies` of a route that follows this rule."""
    return [Depends(rule)]


class CheckedFirst(APIRoute):
    """A route for large bodies: the rule is asked before the body is taken, so that a stranger's is not kept at all."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the rule before it."""
        handler = super().get_route_handler()
        rules = [item.dependency for item in self.dependencies if isinstance(item.dependency, AccessRule)]

        async def checked(request: Request) -> Response:
            for rule in rules:
                await run_in_threadpool(rule, request)
            return await handler(request)

        return checked


def rule_of(route: RouteContext) -> AccessRule | None:
    """Return the rule a route declares; None when it declares none, or more than one."""
    dependencies = getattr(route.original_route, "dependencies", ())
    rules = [item.dependency for item in dependencies if isinstance(item.dependency, AccessRule)]
    return rules[0] if len(rules) == 1 else None


def require_declared_access(routes: Sequence[BaseRoute]) -> None:
    """Refuse routes of which one declares no rule, or several. Static files are public, nothing else mounted is.

    Raises:
        UndeclaredRoute: names the route.
    """
    for route in iter_route_contexts(routes):
        if not _is_static(route.original_route) and rule_of(route) is None:
            raise UndeclaredRoute(f"{sorted(route.methods or ())} {route.path} declares no single access rule")


def _is_static(route: BaseRoute) -> bool:
    return isinstance(route, Mount) and isinstance(route.app, StaticFiles)


def services_of(request: Request) -> Services:
    """Return the services the application was built with."""
    services: Services = request.app.state.services
    return services


def _grant(request: Request) -> Grant:
    grant: Grant = request.state.grant
    return grant


def _link(request: Request) -> Link:
    link: Link = request.state.link
    return link


def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


def _staff(request: Request) -> Staff:
    found: Staff = request.state.staff
    return found


def _plugin(request: Request) -> PluginUser:
    user: PluginUser = request.state.plugin
    return user


def _laboratory(request: Request) -> LaboratoryReader:
    reader: LaboratoryReader = request.state.laboratory
    return reader


def staff_actor(found: Staff) -> Actor:
    """Return how the audit names a member of staff."""
    return account_actor(found.account_id, found.institution_code)


def account_actor(account_id: int, institution_code: str) -> Actor:
    """Return how the audit names the holder of an account."""
    return Actor("staff", f"account:{account_id}", institution_code)


def actor_of(grant: Grant) -> Actor:
    """Return how the audit names the holder of a grant."""
    kind = "patient" if grant.holder is Holder.PATIENT else str(grant.holder)
    return Actor(kind, f"grant:{grant.grant_id}", grant.institution_code)


CurrentServices = Annotated[Services, Depends(services_of)]
CurrentGrant = Annotated[Grant, Depends(_grant)]
CurrentLink = Annotated[Link, Depends(_link)]
CurrentStaff = Annotated[Staff, Depends(_staff)]
CurrentPlugin = Annotated[PluginUser, Depends(_plugin)]
CurrentLaboratory = Annotated[LaboratoryReader, Depends(_laboratory)]
CurrentMachine = Annotated[Actor, Depends(_actor)]
