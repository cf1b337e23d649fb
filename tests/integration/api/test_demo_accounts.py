"""Staff of the demo: accounts anybody may try, in demo mode only."""

import re

import pytest

from api.accounts.store import find_account
from api.demo.accounts import PEOPLE, demo_password, ensure_accounts
from tests.builders.staff import PASSWORD, sign_in

pytestmark = pytest.mark.integration


def shown(hospital) -> dict[str, tuple[str, str]]:
    page = hospital.browser().get("/demo").text
    return {
        login: (password, code)
        for login, password, code in re.findall(r"<td>(\w+)</td><td>(Yanshi-\w+)</td><td>(\d{6}|—)</td>", page)
    }


def test_everybody_on_the_page_can_sign_in_with_what_stands_there(clinic):
    ensure_accounts(clinic.services)
    people = shown(clinic)
    assert set(people) == {person.login for person in PEOPLE}
    for login, (password, code) in people.items():
        browser = clinic.browser()
        if sign_in(browser, login, password)["stage"] == "code":
            assert browser.post("/api/staff/session/code", json={"code": code}).json()["stage"] == "open"
        assert browser.get("/api/staff/session").json()["stage"] == "open"


def test_without_accounts_the_page_names_none(clinic):
    assert "工作人员账号" not in clinic.browser().get("/demo").text


def test_loading_again_mends_a_changed_password_and_nothing_else(clinic):
    ensure_accounts(clinic.services)
    password, _ = shown(clinic)["bianji"]
    browser = clinic.browser()
    sign_in(browser, "bianji", password)
    assert browser.post("/api/staff/password", json={"current": password, "new": PASSWORD}).status_code == 200
    before = shown(clinic)
    ensure_accounts(clinic.services)
    assert shown(clinic) == before
    sign_in(clinic.browser(), "bianji", password)


def test_passwords_differ_between_accounts_and_stand_nowhere_in_the_database(clinic):
    ensure_accounts(clinic.services)
    passwords = {demo_password(clinic.services, person.login) for person in PEOPLE}
    assert len(passwords) == len(PEOPLE)
    with clinic.services.database.reading() as session:
        code = clinic.services.settings.hospital.institution_code
        kept = [find_account(session, code, person.login) for person in PEOPLE]
    assert not any(account is None or account.password_hash in passwords for account in kept)
