"""Accounts over HTTP: one administrator keeps them, another grants their roles, none does both."""

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.accounts.tables import AccountRow
from api.db.tables import AuditEventRow
from tests.builders.staff import INITIAL, PASSWORD, enrol, new_account, sign_in, signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.2")]

ACCOUNTS = "/api/admin/accounts"
WANG = {"login": "Wang.Li", "name": "王丽", "department": "放射科", "requested_roles": ["doctor"]}


@pytest.fixture
def keeper(clinic):
    """The system administrator's browser."""
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


@pytest.fixture
def granter(clinic):
    """The security administrator's browser."""
    return signed_in(clinic, [Role.SECURITY_ADMINISTRATOR])


def number_of(hospital, login: str) -> int:
    with hospital.services.database.reading() as session:
        return session.scalars(select(AccountRow.id).where(AccountRow.login == login.lower())).one()


def me(browser, hospital) -> int:
    return number_of(hospital, browser.get("/api/staff/session").json()["login"])


def events(hospital, number: int) -> list[AuditEventRow]:
    with hospital.services.database.reading() as session:
        about = AuditEventRow.object_id == f"account:{number}"
        rows = session.scalars(select(AuditEventRow).where(about, AuditEventRow.action.like("account.%")))
        return list(rows)


@pytest.mark.clause("R5.2")
class TestTwoPersonsToAnAccount:
    def test_it_may_do_nothing_until_another_person_grants_what_was_asked(self, clinic, keeper, granter):
        made = keeper.post(ACCOUNTS, json=WANG)
        assert made.status_code == 201, made.text
        account, password = made.json()["account"], made.json()["initial_password"]
        assert (account["login"], account["roles"], account["requested_roles"]) == ("wang.li", [], ["doctor"])
        browser = clinic.browser()
        assert sign_in(browser, "wang.li", password)["roles"] == []
        waiting = granter.get(ACCOUNTS, params={"state": "waiting"}).json()
        assert (waiting["waiting"], [item["login"] for item in waiting["accounts"]]) == (1, ["wang.li"])
        granted = granter.put(f"{ACCOUNTS}/{account['id']}/roles", json={"roles": ["doctor"]}).json()
        assert (granted["roles"], granted["requested_roles"]) == (["doctor"], [])
        assert browser.get("/api/staff/session").status_code == 401
        assert sign_in(browser, "wang.li", password)["roles"] == ["doctor"]
        acts = {event.action: event for event in events(clinic, account["id"])}
        assert set(acts) == {"account.created", "account.roles_set"}
        assert acts["account.created"].actor == f"account:{me(keeper, clinic)}"
        assert acts["account.roles_set"].actor == f"account:{me(granter, clinic)}"
        assert acts["account.roles_set"].detail == {"before": [], "roles": ["doctor"]}
        assert password not in str([event.detail for event in acts.values()])

    def test_the_password_is_told_once_and_kept_nowhere(self, clinic, keeper):
        password = keeper.post(ACCOUNTS, json=WANG).json()["initial_password"]
        assert password not in keeper.get(ACCOUNTS).text
        with clinic.services.database.reading() as session:
            row = session.scalars(select(AccountRow).where(AccountRow.login == "wang.li")).one()
        assert password not in row.password_hash

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.DOCTOR, Role.AUTHOR, Role.REVIEWER])
    def test_nobody_else_administers(self, clinic, role):
        browser = signed_in(clinic, [role])
        refused = [
            browser.get(ACCOUNTS),
            browser.post(ACCOUNTS, json=WANG),
            browser.put(f"{ACCOUNTS}/1/roles", json={"roles": []}),
            browser.post(f"{ACCOUNTS}/1/reset"),
            browser.post(f"{ACCOUNTS}/1/disable"),
        ]
        assert [answer.status_code for answer in refused] == [403] * 5

    def test_who_keeps_accounts_grants_none_and_who_grants_makes_none(self, keeper, granter):
        number = keeper.post(ACCOUNTS, json=WANG).json()["account"]["id"]
        assert keeper.put(f"{ACCOUNTS}/{number}/roles", json={"roles": ["auditor"]}).status_code == 403
        assert granter.post(ACCOUNTS, json={**WANG, "login": "li.si"}).status_code == 403
        assert granter.post(f"{ACCOUNTS}/{number}/reset").status_code == 403

    def test_separate_duties_are_neither_asked_for_nor_granted_to_one_person(self, keeper, granter):
        both = ["auditor", "system_administrator"]
        assert keeper.post(ACCOUNTS, json={**WANG, "requested_roles": both}).json()["code"] == "roles_conflict"
        number = keeper.post(ACCOUNTS, json=WANG).json()["account"]["id"]
        refused = granter.put(f"{ACCOUNTS}/{number}/roles", json={"roles": both})
        assert (refused.status_code, refused.json()["code"]) == (422, "roles_conflict")

    def test_nobody_changes_an_own_account(self, clinic, keeper, granter):
        refused = [
            granter.put(
                f"{ACCOUNTS}/{me(granter, clinic)}/roles", json={"roles": ["security_administrator", "doctor"]}
            ),
            granter.post(f"{ACCOUNTS}/{me(granter, clinic)}/disable"),
            keeper.post(f"{ACCOUNTS}/{me(keeper, clinic)}/reset"),
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "own_account")}

    def test_who_hands_out_a_password_gets_no_power_by_it(self, clinic, keeper, granter):
        auditor = signed_in(clinic, [Role.AUDITOR])
        number = me(auditor, clinic)
        reset = keeper.post(f"{ACCOUNTS}/{number}/reset").json()
        assert (reset["account"]["roles"], reset["account"]["requested_roles"]) == ([], ["auditor"])
        assert auditor.get("/api/staff/session").status_code == 401
        login = reset["account"]["login"]
        assert sign_in(clinic.browser(), login, reset["initial_password"])["roles"] == []
        granter.put(f"{ACCOUNTS}/{number}/roles", json={"roles": ["auditor"]})
        assert sign_in(clinic.browser(), login, reset["initial_password"])["stage"] == "enrol"

    def test_the_last_one_who_grants_is_not_shut_out(self, clinic, keeper, granter):
        number = me(granter, clinic)
        for act in ("disable", "reset"):
            refused = keeper.post(f"{ACCOUNTS}/{number}/{act}")
            assert (refused.status_code, refused.json()["code"]) == (409, "last_who_grants")
        signed_in(clinic, [Role.SECURITY_ADMINISTRATOR])
        assert keeper.post(f"{ACCOUNTS}/{number}/disable").json()["disabled"] is True
        assert granter.get(ACCOUNTS).status_code == 401


class TestKeeping:
    def test_a_taken_login_is_refused_whatever_its_case(self, keeper):
        assert keeper.post(ACCOUNTS, json=WANG).status_code == 201
        taken = keeper.post(ACCOUNTS, json={**WANG, "login": "WANG.LI"})
        assert (taken.status_code, taken.json()["code"]) == (409, "login_taken")

    @pytest.mark.parametrize(
        "wrong",
        [{"login": "王丽"}, {"name": "  "}, {"name": "x" * 65}, {"requested_roles": []}, {"requested_roles": ["root"]}],
    )
    def test_what_cannot_be_is_named(self, keeper, wrong):
        refused = keeper.post(ACCOUNTS, json={**WANG, **wrong})
        assert refused.status_code == 422
        assert refused.json()["field"].startswith(next(iter(wrong)))

    def test_a_disabled_account_is_out_at_once_and_opens_again_with_a_new_password(self, clinic, keeper):
        login = new_account(clinic, Role.DOCTOR)
        browser = clinic.browser()
        sign_in(browser, login)
        number = number_of(clinic, login)
        assert keeper.post(f"{ACCOUNTS}/{number}/disable").json()["disabled"] is True
        assert browser.get("/api/staff/session").status_code == 401
        assert browser.post("/api/staff/session", json={"login": login, "password": INITIAL}).status_code == 401
        reset = keeper.post(f"{ACCOUNTS}/{number}/reset").json()
        assert (reset["account"]["disabled"], reset["account"]["roles"]) == (False, ["doctor"])
        assert sign_in(browser, login, reset["initial_password"])["stage"] == "new_password"

    def test_a_lost_phone_is_forgotten(self, clinic, keeper):
        login = new_account(clinic, Role.DOCTOR)
        browser = clinic.browser()
        sign_in(browser, login)
        enrol(browser, clinic)
        browser.post("/api/staff/password", json={"current": INITIAL, "new": PASSWORD})
        reset = keeper.post(f"{ACCOUNTS}/{number_of(clinic, login)}/reset").json()
        assert reset["account"]["second_factor"] is False
        assert sign_in(clinic.browser(), login, reset["initial_password"])["stage"] == "new_password"

    def test_lists_find_by_word_role_and_state(self, clinic, keeper):
        keeper.post(ACCOUNTS, json=WANG)
        new_account(clinic, Role.REVIEWER, login="li.si")
        assert keeper.post(f"{ACCOUNTS}/{number_of(clinic, 'li.si')}/disable").status_code == 200

        def found(**wanted: str) -> list[str]:
            return [item["login"] for item in keeper.get(ACCOUNTS, params=wanted).json()["accounts"]]

        assert found(q="放射") == found(role="doctor") == found(state="waiting") == ["wang.li"]
        assert found(state="disabled") == found(role="reviewer") == ["li.si"]
        assert found(q="没有这个人") == []

    def test_an_account_of_another_institution_is_not_there(self, clinic, keeper):
        login = new_account(clinic, Role.DOCTOR)
        number = number_of(clinic, login)
        with clinic.services.database.writing() as session:
            session.get_one(AccountRow, number).institution_code = "elsewhere"
        assert keeper.post(f"{ACCOUNTS}/{number}/disable").status_code == 404
        assert login not in keeper.get(ACCOUNTS).text
