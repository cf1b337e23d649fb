"""Sign-in of staff: password, second factor, lock, idle, own password, and what ends a session."""

import pyotp
import pytest
from argon2 import extract_parameters
from sqlalchemy import func, select, update

from api.accounts import passwords
from api.accounts.errors import RolesConflict
from api.accounts.passwords import hash_password
from api.accounts.roles import Role
from api.accounts.sessions import IDLE, LONGEST, PASSWORD_LASTS
from api.accounts.store import create_account, disable_account, find_account, reset_account, set_roles
from api.accounts.tables import AccountRow
from api.db.tables import AuditEventRow
from tests.builders.staff import INITIAL, PASSWORD, enrol, new_account, sign_in, signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R5.2"), pytest.mark.clause("R4.2")]


def post(browser, path: str, **body):
    return browser.post(f"/api/staff/{path}", json=body)


def account(hospital, login: str):
    code = hospital.services.settings.hospital.institution_code
    with hospital.services.database.reading() as session:
        return find_account(session, code, login)


def change(hospital, login: str, act, *arguments):
    with hospital.services.database.writing() as session:
        row = session.scalars(select(AccountRow).where(AccountRow.login == login)).one()
        act(session, row, *arguments, hospital.clock())


class TestTheDoor:
    def test_unknown_login_wrong_password_and_disabled_account_look_the_same(self, clinic):
        shut = new_account(clinic, Role.DOCTOR)
        change(clinic, shut, disable_account)
        known = new_account(clinic, Role.DOCTOR)
        answers = [
            post(clinic.browser(), "session", login=login, password=password)
            for login, password in (("nobody.here", INITIAL), (known, "Falsch-2026-x"), (shut, INITIAL))
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.text for answer in answers}) == 1
        assert not any(answer.cookies for answer in answers)

    def test_an_unknown_login_costs_the_check_that_a_known_one_does(self):
        known = hash_password(PASSWORD)
        assert extract_parameters(passwords._NOBODY) == extract_parameters(known)
        assert len(passwords._NOBODY) == len(known)

    @pytest.mark.parametrize("login", ["known", "nobody.here"])
    def test_the_sixth_wrong_try_is_locked_even_with_the_right_password(self, clinic, login):
        new_account(clinic, Role.DOCTOR, login="known")
        statuses = [post(clinic.browser(), "session", login=login, password="x").status_code for _ in range(5)]
        late = post(clinic.browser(), "session", login=login.upper(), password=INITIAL)
        assert (statuses, late.status_code) == ([401] * 5, 429)
        assert 0 < int(late.headers["retry-after"]) <= 900

    @pytest.mark.parametrize("login", ["", "1abc", "a b", "x" * 33, "名字", "a\x00b"])
    def test_what_can_be_no_login_is_named(self, clinic, login):
        answer = post(clinic.browser(), "session", login=login, password=INITIAL)
        assert (answer.status_code, answer.json()["field"]) == (422, "login")

    def test_a_guessed_cookie_is_nobody(self, clinic):
        browser = clinic.browser()
        browser.cookies.set("my_staff", "A" * 43, domain="hospital.test", path="/api")
        assert browser.get("/api/staff/session").status_code == 401

    def test_the_cookie_is_kept_from_scripts_and_other_sites(self, clinic):
        answer = post(clinic.browser(), "session", login=new_account(clinic, Role.DOCTOR), password=INITIAL)
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/api"} <= {part.strip() for part in cookie.split(";")}


class TestTheFirstSignIn:
    def test_an_initial_password_must_be_changed(self, clinic):
        browser = clinic.browser()
        login = new_account(clinic, Role.DOCTOR)
        assert sign_in(browser, login)["stage"] == "new_password"
        assert post(browser, "password", current=INITIAL, new=PASSWORD).json()["stage"] == "open"
        assert post(clinic.browser(), "session", login=login, password=INITIAL).status_code == 401
        assert sign_in(clinic.browser(), login, PASSWORD)["stage"] == "open"

    @pytest.mark.parametrize("new", ["kurz-1A", "nurkleinbuchstaben", INITIAL, "Mitarbeiter-7-known", "x" * 129])
    def test_a_weak_one_is_refused(self, clinic, new):
        browser = clinic.browser()
        sign_in(browser, new_account(clinic, Role.DOCTOR, login="known"))
        assert post(browser, "password", current=INITIAL, new=new).status_code == 422
        assert browser.get("/api/staff/session").json()["stage"] == "new_password"

    def test_the_present_one_must_be_known(self, clinic):
        browser = signed_in(clinic, [Role.DOCTOR])
        answers = [post(browser, "password", current="Falsch-2026-x", new="Neues-2026-zz") for _ in range(6)]
        assert [answer.status_code for answer in answers[-2:]] == [403, 429]

    def test_who_administers_or_audits_binds_a_second_factor_first(self, clinic):
        for role in (Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR):
            browser = clinic.browser()
            assert sign_in(browser, new_account(clinic, role))["stage"] == "enrol"
            refused = post(browser, "password", current=INITIAL, new=PASSWORD)
            assert (refused.status_code, refused.json()["stage"]) == (403, "enrol")
            enrol(browser, clinic)
            assert browser.get("/api/staff/session").json()["stage"] == "new_password"


class TestTheSecondFactor:
    @pytest.fixture
    def bound(self, clinic):
        """A login and what makes its codes; the code of this half minute is spent."""
        browser = clinic.browser()
        login = new_account(clinic, Role.AUDITOR)
        sign_in(browser, login)
        return login, enrol(browser, clinic)

    def test_is_asked_for_at_every_sign_in(self, clinic, bound):
        login, totp = bound
        browser = clinic.browser()
        assert sign_in(browser, login)["stage"] == "code"
        clinic.clock.forward(seconds=60)
        assert post(browser, "session/code", code=totp.at(clinic.clock())).json()["stage"] == "new_password"

    def test_a_code_counts_once(self, clinic, bound):
        login, totp = bound
        clinic.clock.forward(seconds=60)
        code = totp.at(clinic.clock())
        first, second = clinic.browser(), clinic.browser()
        for browser in (first, second):
            sign_in(browser, login)
        assert post(first, "session/code", code=code).status_code == 200
        assert post(second, "session/code", code=code).json()["code"] == "code_wrong"

    def test_an_old_code_and_guesses_do_not_count_and_lock(self, clinic, bound):
        login, totp = bound
        browser = clinic.browser()
        sign_in(browser, login)
        old = totp.at(clinic.clock())
        clinic.clock.forward(minutes=5)
        assert post(browser, "session/code", code=old).status_code == 403
        wrong = f"{(int(totp.at(clinic.clock())) + 1) % 10**6:06d}"
        statuses = [post(browser, "session/code", code=wrong).status_code for _ in range(5)]
        assert statuses == [403] * 4 + [429]
        assert browser.get("/api/staff/session").json()["stage"] == "code"

    def test_cannot_be_replaced_by_whoever_has_the_password(self, clinic, bound):
        login, _ = bound
        browser = clinic.browser()
        sign_in(browser, login)
        assert browser.post("/api/staff/second-factor").status_code == 409
        own = pyotp.TOTP(pyotp.random_base32())
        taken = post(browser, "second-factor/confirm", secret=own.secret, code=own.at(clinic.clock()))
        assert taken.json()["code"] == "second_factor_kept"

    def test_is_sealed_to_its_account(self, clinic, bound):
        login, totp = bound
        sealed = account(clinic, login).second_factor
        assert totp.secret.encode() not in sealed
        other = new_account(clinic, Role.AUDITOR)
        assert account(clinic, other).second_factor is None

    def test_a_reset_account_begins_anew(self, clinic, bound):
        login, _ = bound
        change(clinic, login, lambda session, row, now: reset_account(session, row, "Wieder-2026-x", now))
        assert sign_in(clinic.browser(), login, "Wieder-2026-x")["stage"] == "enrol"


class TestTheEndOfASession:
    @pytest.mark.parametrize("after", [IDLE, LONGEST])
    def test_comes_by_itself(self, clinic, after):
        browser = signed_in(clinic, [Role.DOCTOR])
        steps = int(after / IDLE) * 2
        for _ in range(steps - 1):
            clinic.clock.forward(seconds=IDLE.total_seconds() / 2)
            assert browser.get("/api/staff/session").status_code == 200
        clinic.clock.forward(seconds=IDLE.total_seconds() / 2 if after is LONGEST else IDLE.total_seconds())
        assert browser.get("/api/staff/session").status_code == 401

    def test_comes_with_signing_out_a_changed_role_and_a_disabled_account(self, clinic):
        def ends(act) -> bool:
            browser = signed_in(clinic, [Role.AUTHOR])
            login = browser.get("/api/staff/session").json()["login"]
            act(browser, login)
            return browser.get("/api/staff/session").status_code == 401

        def other_roles(_browser, login):
            change(clinic, login, lambda session, row, now: set_roles(session, row, {Role.DOCTOR}, now))

        assert ends(lambda browser, _: browser.delete("/api/staff/session"))
        assert ends(other_roles)
        assert ends(lambda _, login: change(clinic, login, disable_account))

    def test_a_changed_password_ends_the_other_ones(self, clinic):
        login = new_account(clinic, Role.DOCTOR)
        here, there = clinic.browser(), clinic.browser()
        for browser in (here, there):
            sign_in(browser, login)
        assert post(here, "password", current=INITIAL, new=PASSWORD).status_code == 200
        assert (here.get("/api/staff/session").status_code, there.get("/api/staff/session").status_code) == (200, 401)

    def test_an_old_password_must_be_changed(self, clinic):
        browser = signed_in(clinic, [Role.DOCTOR])
        login = browser.get("/api/staff/session").json()["login"]
        with clinic.services.database.writing() as session:
            old = clinic.clock() - PASSWORD_LASTS
            session.execute(update(AccountRow).where(AccountRow.login == login).values(password_set_at=old))
        clinic.clock.forward(seconds=1)
        assert browser.get("/api/staff/session").json()["stage"] == "new_password"


class TestSeparateDuties:
    def test_one_person_is_not_two_kinds_of_administrator(self, clinic):
        with pytest.raises(RolesConflict), clinic.services.database.writing() as session:
            create_account(
                session,
                institution_code=clinic.services.settings.hospital.institution_code,
                login="both",
                name="测试",
                roles={Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR},
                password=INITIAL,
                now=clinic.clock(),
            )
        assert account(clinic, "both") is None


class TestTheRecord:
    def test_names_accounts_by_number_and_holds_no_login(self, clinic):
        login = new_account(clinic, Role.DOCTOR, login="wang.li")
        post(clinic.browser(), "session", login=login, password="falsch")
        browser = clinic.browser()
        sign_in(browser, login)
        browser.delete("/api/staff/session")
        with clinic.services.database.reading() as session:
            events = session.scalars(select(AuditEventRow).where(AuditEventRow.action.like("staff.%"))).all()
            held = session.scalar(select(func.count()).where(AuditEventRow.object_id.contains("wang.li")))
        assert [event.action for event in events] == ["staff.refused", "staff.signed_in", "staff.signed_out"]
        assert {event.object_id for event in events} == {f"account:{account(clinic, login).id}"}
        assert held == 0
