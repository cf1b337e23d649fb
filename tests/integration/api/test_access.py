"""Every route × every kind of caller. A route that is missing in the table fails here."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from api.accounts.roles import Role
from api.app import create_app
from api.auth.access import PUBLIC, UndeclaredRoute, allow, require_declared_access
from api.commands.keys import SCOPES
from imaging_core.domain.grants import Right
from imaging_core.sharing.grants import revoke_grant
from tests.builders.dicom import study_uid
from tests.builders.hospital import SmallHospital
from tests.builders.laboratory import laboratory_cookie
from tests.builders.plugin import woken
from tests.builders.routes import TABLE, Call
from tests.builders.staff import new_account, signed_in

pytestmark = pytest.mark.integration

STUDY = study_uid("study")
RIGHTS = {
    "report": Right.REPORT,
    "jpg": Right.JPG,
    "dicom": Right.DICOM,
    "interpret": Right.INTERPRET,
    "share": Right.SHARE,
    "download": Right.DOWNLOAD,
}


@dataclass(frozen=True)
class Caller:
    """A client, and what the table says of those like it."""

    client: TestClient
    holds: frozenset[str] = frozenset()
    """Rights of its grant, "own" when it is the patient's in person, scopes of its key, "link", "plugin"."""
    has_grant: bool = False
    has_key: bool = False
    roles: frozenset[Role] | None = None
    """Of signed-in staff."""
    stage: str = "open"
    lasts: bool = True
    """Whether it can call again when Redis forgot everything."""

    def expected(self, call: Call) -> int:
        kind, *needs = call.rule.split()
        if kind in {"public", "demo"}:
            return call.status
        if kind == "operations":
            return 404  # not from this machine, no token
        if kind in {"plugin", "laboratory"}:
            return call.status if kind in self.holds else 401
        if kind == "link":
            return call.status if "link" in self.holds else 401
        if kind == "machine":
            return call.status if set(needs) <= self.holds else 403 if self.has_key else 401
        if kind in {"signed", "staff"}:
            return self._expected_of_staff(kind, needs, call)
        if not self.has_grant:
            return 401
        needed = {*needs, "own"} if kind == "own" else set(needs)
        return call.status if needed <= self.holds else 403

    def _expected_of_staff(self, kind: str, needs: list[str], call: Call) -> int:
        if self.roles is None:
            return 401
        if kind == "signed":
            return call.status
        return call.status if self.stage == "open" and (not needs or set(needs) & self.roles) else 403


ALL = frozenset({*RIGHTS, "own"})


def holder(hospital: SmallHospital, holds: frozenset[str], **options: Any) -> Caller:
    rights = frozenset(Right) - {right for name, right in RIGHTS.items() if name not in holds}
    _, cookie = hospital.grant(STUDY, rights, shared="own" not in holds, **options)
    return Caller(hospital.browser(cookie), holds, has_grant=True)


def ended(hospital: SmallHospital, *, revoked: bool) -> Caller:
    grant, cookie = hospital.grant(STUDY, minutes=120 if revoked else 0)
    if revoked:
        with hospital.services.database.writing() as session:
            revoke_grant(session, grant, hospital.clock())
    return Caller(hospital.browser(cookie))


def linked(hospital: SmallHospital) -> Caller:
    browser = hospital.browser()
    assert browser.post("/api/patient/link", json={"token": hospital.token(STUDY)}).status_code == 204
    return Caller(browser, frozenset({"link"}), lasts=False)


def keyed(hospital: SmallHospital, *scopes: str, revoked: bool = False) -> Caller:
    browser = hospital.browser()
    browser.headers.update(hospital.machine_key(*scopes, revoked=revoked))
    return Caller(browser, frozenset() if revoked else frozenset(scopes), has_key=not revoked)


def with_header(hospital: SmallHospital, value: str) -> Caller:
    browser = hospital.browser()
    browser.headers["Authorization"] = value
    return Caller(browser)


_EMPLOYED: dict[tuple[Any, ...], TestClient] = {}
"""Browsers kept from call to call, because hashing a password is made to be slow."""


def employed(hospital: SmallHospital, roles: tuple[Role, ...], *, complete: bool = True) -> Caller:
    key = (id(hospital), roles, complete)
    browser = _EMPLOYED.get(key)
    if browser is None or browser.get("/api/staff/session").status_code != 200:
        browser = _EMPLOYED[key] = signed_in(hospital, roles, complete=complete)
    return Caller(browser, roles=frozenset(roles), stage="open" if complete else "new_password")


def signed_out(hospital: SmallHospital) -> Caller:
    key = (id(hospital), "signed out")
    browser = _EMPLOYED.get(key)
    if browser is None:
        browser = _EMPLOYED[key] = signed_in(hospital, [Role.DOCTOR])
        cookie = browser.cookies["my_staff"]
        assert browser.delete("/api/staff/session").status_code == 204
        browser.cookies.set("my_staff", cookie, domain="hospital.test", path="/api")
    return Caller(browser)


_LAUNCHED: dict[int, str] = {}
"""The login whose plugin is woken, of each hospital: making one hashes a password."""


def awake(hospital: SmallHospital) -> Caller:
    login = _LAUNCHED.get(id(hospital)) or new_account(hospital, Role.DOCTOR)
    _LAUNCHED[id(hospital)] = login
    return Caller(woken(hospital, login, patient_id="TEST0001"), frozenset({"plugin"}), lasts=False)


def reading_laboratory(hospital: SmallHospital) -> Caller:
    browser = hospital.browser()
    login = _LAUNCHED.get(id(hospital)) or new_account(hospital, Role.DOCTOR)
    _LAUNCHED[id(hospital)] = login
    browser.cookies.set("my_laboratory", laboratory_cookie(hospital, login), domain="hospital.test", path="/api")
    return Caller(browser, frozenset({"laboratory"}), lasts=False)


def keyed_for(scope: str, hospital: SmallHospital) -> Caller:
    return keyed(hospital, scope)


CALLERS: dict[str, Callable[[SmallHospital], Caller]] = {
    "nobody": lambda h: Caller(h.browser()),
    "a guessed grant": lambda h: Caller(h.browser("A" * 43)),
    "a link": linked,
    "the patient": lambda h: holder(h, ALL),
    **{f"a grant without {name}": partial(holder, holds=ALL - {name}) for name in RIGHTS},
    "a share with every right": lambda h: holder(h, ALL - {"own"}),
    "an expired grant": lambda h: ended(h, revoked=False),
    "a revoked grant": lambda h: ended(h, revoked=True),
    **{f"a key for {scope}": partial(keyed_for, scope) for scope in SCOPES},
    "a key for nothing": lambda h: keyed(h),
    "a revoked key": lambda h: keyed(h, "stow", "documents", "print", revoked=True),
    **{f"a signed-in {role}": partial(employed, roles=(role,)) for role in Role},
    "an administrator without second factor": partial(employed, roles=(Role.SYSTEM_ADMINISTRATOR,), complete=False),
    "a doctor with an initial password": partial(employed, roles=(Role.DOCTOR,), complete=False),
    "staff who signed out": signed_out,
    "an awake plugin": awake,
    "a doctor before laboratory reports": reading_laboratory,
    "a guessed key": lambda h: with_header(h, "Bearer " + "A" * 43),
    "a password": lambda h: with_header(h, "Basic YWRtaW46YWRtaW4="),
}


ON_POSTGRESQL_TOO = ("nobody", "the patient", f"a signed-in {Role.SYSTEM_ADMINISTRATOR}", "an awake plugin")
"""Rules know no database; one of each kind of caller shows that what they look up is found there too."""


async def status_of(app: FastAPI, path: str, receive) -> int:
    """Post to the application itself; `receive` gives its body."""
    sent = []

    async def send(message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "server": ("t", 80), "client": ("t", 1)}
    await app({**scope, "root_path": "", "state": {}}, receive, send)
    return sent[0]["status"]


@pytest.mark.clause("R3.5")
class TestWhoMayCallWhat:
    def test_the_table_names_every_route(self, archive):
        routes = {
            (method, str(route.path).replace("{study}.pdf", "{number}.pdf"))
            for route in iter_route_contexts(archive.app.routes)
            for method in (route.methods or ())
            if not isinstance(route.original_route, Mount)
        }
        assert routes == set(TABLE)

    @pytest.mark.parametrize(
        ("archive", "name"),
        [*(("sqlite", name) for name in CALLERS), *(("postgresql", name) for name in ON_POSTGRESQL_TOO)],
        indirect=["archive"],
    )
    @pytest.mark.usefixtures("consented")
    def test_each_caller_gets_what_the_table_says_and_nothing_else(self, archive, things, name, redis):
        wrong = []
        caller = None
        for (method, path), call in TABLE.items():
            if method == "HEAD":
                continue  # of the same route as GET
            redis.flushdb()  # else limits would be reached
            caller = caller or CALLERS[name](archive)
            address = things.address(path)
            answer = caller.client.request(method, address, **call.arguments)
            expected = caller.expected(call)
            if expected and answer.status_code != expected:
                wrong.append(f"{method} {path}: {answer.status_code} instead of {expected}: {answer.text[:120]}")
            if answer.status_code in {401, 403}:
                assert answer.headers["content-type"] == "application/problem+json"
                assert "测试" not in answer.text
            if method != "GET" or not caller.lasts:
                caller = None  # what was called may have ended it
        assert wrong == []

    def test_a_route_without_a_rule_keeps_the_service_from_starting(self, clinic):
        app = create_app(clinic.services)

        @app.get("/api/patient/everything")
        def everything() -> str:
            return "all"

        with pytest.raises(UndeclaredRoute, match="/api/patient/everything"):
            require_declared_access(app.routes)

    def test_so_does_one_with_two_rules(self):
        app = FastAPI()
        app.get("/two", dependencies=[*allow(PUBLIC), *allow(PUBLIC)])(lambda: "")
        with pytest.raises(UndeclaredRoute, match="/two"):
            require_declared_access([route for route in app.routes if getattr(route, "path", "") == "/two"])

    def test_so_does_a_mounted_application_that_is_not_a_folder_of_files(self, tmp_path):
        require_declared_access([Mount("/files", StaticFiles(directory=tmp_path))])
        with pytest.raises(UndeclaredRoute, match="/inner"):
            require_declared_access([Mount("/inner", FastAPI())])

    @pytest.mark.parametrize("path", ["/api/patient/papers", "/api/interop/documents"])
    def test_a_strangers_upload_is_refused_before_it_is_taken(self, archive, path):
        asked_for = []

        async def body():
            asked_for.append(1)
            return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

        assert asyncio.run(status_of(archive.app, path, body)) == 401
        assert asked_for == []
