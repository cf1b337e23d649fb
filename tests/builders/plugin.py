"""A HIS that wakes the plugin of a doctor, and the plugin's browser."""

from typing import Any

from fastapi.testclient import TestClient

from api.accounts.roles import Role
from tests.builders.hospital import SmallHospital
from tests.builders.staff import new_account


def ask_launch(hospital: SmallHospital, login: str, **patient: Any) -> Any:
    """Ask for a launch as the HIS does."""
    key = hospital.machine_key("launch")
    return hospital.browser().post("/api/plugin/launches", json={"login": login, **patient}, headers=key)


def launch_token(hospital: SmallHospital, login: str = "", **patient: Any) -> str:
    """Return the token of a launch, for a new doctor when no login is named."""
    answer = ask_launch(hospital, login or new_account(hospital, Role.DOCTOR), **patient)
    assert answer.status_code == 201, answer.text
    return answer.json()["url"].partition("#")[2]


def wake(browser: TestClient, token: str) -> Any:
    """Exchange a token as the page does."""
    return browser.post("/api/plugin/session", json={"token": token})


def woken(hospital: SmallHospital, login: str = "", **patient: Any) -> TestClient:
    """Return the browser of an awake plugin."""
    browser = hospital.browser()
    answer = wake(browser, launch_token(hospital, login, **patient))
    assert answer.status_code == 200, answer.text
    return browser
