"""Staff of the small hospital: accounts, and browsers that are signed in."""

import secrets
from collections.abc import Iterable

import pyotp
from fastapi.testclient import TestClient

from api.accounts.roles import Role, needs_second_factor
from api.accounts.store import create_account
from tests.builders.hospital import SmallHospital

INITIAL = "Anfang-2026-x"
PASSWORD = "Eigenes-2026-y"


def new_account(hospital: SmallHospital, *roles: Role, login: str = "") -> str:
    """Add an account with the initial password; return its login."""
    login = login or f"a{secrets.token_hex(6)}"
    services = hospital.services
    with services.database.writing() as session:
        create_account(
            session,
            institution_code=services.settings.hospital.institution_code,
            login=login,
            name="测试员工",
            roles=set(roles),
            password=INITIAL,
            now=services.clock(),
        )
    return login


def sign_in(browser: TestClient, login: str, password: str = INITIAL) -> dict:
    answer = browser.post("/api/staff/session", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()


def signed_in(hospital: SmallHospital, roles: Iterable[Role], *, complete: bool = True) -> TestClient:
    """Return the browser of new staff with these roles, all the way in, or only past the password."""
    roles = frozenset(roles)
    browser = hospital.browser()
    login = new_account(hospital, *roles)
    sign_in(browser, login)
    if not complete:
        return browser
    if needs_second_factor(roles):
        enrol(browser, hospital)
    done = browser.post("/api/staff/password", json={"current": INITIAL, "new": PASSWORD})
    assert done.json()["stage"] == "open", done.text
    return browser


def enrol(browser: TestClient, hospital: SmallHospital) -> pyotp.TOTP:
    """Bind a second factor; return what makes its codes."""
    totp = pyotp.TOTP(browser.post("/api/staff/second-factor").json()["secret"])
    body = {"secret": totp.secret, "code": totp.at(hospital.clock())}
    done = browser.post("/api/staff/second-factor/confirm", json=body)
    assert done.status_code == 200, done.text
    return totp
