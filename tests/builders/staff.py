"""Staff of the small hospital: accounts, and browsers that are signed in."""

import secrets
from collections.abc import Iterable
from functools import cache

import pyotp
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from api.accounts.roles import Role, needs_second_factor
from api.accounts.store import request_account, set_roles
from tests.builders.hospital import SmallHospital

INITIAL = "Anfang-2026-x"
PASSWORD = "Eigenes-2026-y"


@cache
def _hash(password: str) -> str:
    """Return a hash that costs next to nothing to make and to check."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


def new_account(hospital: SmallHospital, *roles: Role, login: str = "", password: str = INITIAL) -> str:
    """Add an account with the initial password, or one its holder set; return its login."""
    login = login or f"a{secrets.token_hex(6)}"
    services = hospital.services
    with services.database.writing() as session:
        row = request_account(
            session,
            institution_code=services.settings.hospital.institution_code,
            login=login,
            name="测试员工",
            department="",
            requested_roles=set(roles),
            password_hash=_hash(password),
            now=services.clock(),
        )
        row.password_is_initial = password == INITIAL
        set_roles(session, row, set(roles), services.clock())
    return login


def sign_in(browser: TestClient, login: str, password: str = INITIAL) -> dict:
    answer = browser.post("/api/staff/session", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()


def signed_in(hospital: SmallHospital, roles: Iterable[Role], *, complete: bool = True) -> TestClient:
    """Return the browser of new staff with these roles, all the way in, or only past the password."""
    roles = frozenset(roles)
    browser = hospital.browser()
    password = PASSWORD if complete else INITIAL
    answer = sign_in(browser, new_account(hospital, *roles, password=password), password)
    if complete and needs_second_factor(roles):
        enrol(browser, hospital)
        answer = browser.get("/api/staff/session").json()
    assert (answer["stage"] == "open") is complete, answer
    return browser


def enrol(browser: TestClient, hospital: SmallHospital) -> pyotp.TOTP:
    """Bind a second factor; return what makes its codes."""
    totp = pyotp.TOTP(browser.post("/api/staff/second-factor").json()["secret"])
    body = {"secret": totp.secret, "code": totp.at(hospital.clock())}
    done = browser.post("/api/staff/second-factor/confirm", json=body)
    assert done.status_code == 200, done.text
    return totp
