"""A HIS wakes the doctor's plugin; it shows the patient before the doctor and opens what is clicked, once."""

import json
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.accounts.sessions import LONGEST
from api.accounts.store import disable_account, find_account, set_roles
from api.auth.launches import LAUNCH_LASTS
from api.db.tables import AuditEventRow
from imaging_core.interop.regional import PlatformUnreachable
from imaging_core.reminders.elsewhere import BoundedElsewhere
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import OTHER_ID_NUMBER
from tests.builders.orders import ELSEWHERE, examined_elsewhere, hook_call
from tests.builders.plugin import ask_launch, launch_token, wake, woken
from tests.builders.staff import new_account

pytestmark = pytest.mark.integration


@pytest.fixture
def doctor(clinic):
    return new_account(clinic, Role.DOCTOR)


def events(hospital, action):
    with hospital.services.database.reading() as session:
        return session.scalars(
            select(AuditEventRow).where(AuditEventRow.action == action).order_by(AuditEventRow.at)
        ).all()


def reasons(hospital):
    return [event.detail["reason"] for event in events(hospital, "launch.refused")]


def change(hospital, login, act, *arguments):
    with hospital.services.database.writing() as session:
        account = find_account(session, hospital.institution_code, login)
        act(session, account, *arguments, hospital.clock())


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def listed(browser):
    answer = browser.get("/api/plugin/patient")
    assert answer.status_code == 200, answer.text
    return answer.json()


def examinations(patient):
    return [exam for kind in patient["kinds"] for exam in kind["examinations"]]


@pytest.mark.clause("R2.2")
class TestALaunchIsRefused:
    def test_for_an_account_that_is_unknown_disabled_or_no_doctors(self, clinic, doctor):
        editor = new_account(clinic, Role.AUTHOR)
        change(clinic, doctor, disable_account)
        answers = [refusal(ask_launch(clinic, login)) for login in ("nobody.here", doctor, editor)]
        assert answers == [
            (404, "launch_account_unknown"),
            (403, "launch_account_disabled"),
            (403, "launch_account_no_doctor"),
        ]
        assert reasons(clinic) == ["unknown", "disabled", "no_doctor"]
        assert events(clinic, "launch.given") == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "login"),
            ({"login": "a b"}, "login"),
            ({"login": "doctor", "patient_id": ""}, "patient_id"),
            ({"login": "doctor", "patient_id": "P\x00"}, "patient_id"),
            ({"login": "doctor", "id_number": "1" * 65}, "id_number"),
            ({"login": "doctor", "patient_id": "TEST0001", "id_number": hl7.ID_NUMBER}, "body"),
            ({"login": "doctor", "password": "x"}, "password"),
        ],
    )
    def test_when_it_cannot_be_read_by_the_fields_name_alone(self, clinic, body, field):
        answer = clinic.browser().post("/api/plugin/launches", json=body, headers=clinic.machine_key("launch"))
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert hl7.ID_NUMBER not in answer.text

    @pytest.mark.parametrize("scopes", [(), ("orders",), ("stow", "documents", "print")])
    def test_to_a_key_without_the_scope(self, clinic, doctor, scopes):
        key = clinic.machine_key(*scopes)
        answer = clinic.browser().post("/api/plugin/launches", json={"login": doctor}, headers=key)
        assert refusal(answer) == (403, "scope_missing")

    def test_when_an_id_number_stands_for_two_people(self, clinic, doctor):
        clinic.hl7(hl7.adt_a04(patient_id="CHILD", name="测试孩子", birth_date="20240101"))
        answer = ask_launch(clinic, doctor, id_number=hl7.ID_NUMBER)
        assert refusal(answer) == (409, "launch_patient_ambiguous")
        assert "测试" not in answer.text


@pytest.mark.clause("R2.2")
class TestATokenIsRefused:
    def test_the_second_time(self, clinic, doctor):
        token = launch_token(clinic, doctor)
        assert wake(clinic.browser(), token).status_code == 200
        late = clinic.browser()
        assert refusal(wake(late, token)) == (401, "launch_replayed")
        assert refusal(late.get("/api/plugin/patient")) == (401, "launch_needed")
        assert reasons(clinic) == ["replayed"]

    def test_after_its_time_even_though_nobody_used_it(self, clinic, doctor):
        token = launch_token(clinic, doctor)
        clinic.clock.forward(seconds=LAUNCH_LASTS.total_seconds())
        assert refusal(wake(clinic.browser(), token)) == (401, "launch_expired")
        assert reasons(clinic) == ["expired"]

    def test_when_it_is_guessed_or_changed(self, clinic, doctor):
        token = launch_token(clinic, doctor)
        name, ends, signature = token.split(".")
        later = f"{name}.{int(ends) + 3600}.{signature}"
        other = f"{name[:-1]}{'A' if name[-1] != 'A' else 'B'}.{ends}.{signature}"
        forged = [later, other, f"{name}.{ends}.", f"{name}.{ends}", "A" * 60, "é" * 20, "..........."]
        assert {refusal(wake(clinic.browser(), text)) for text in forged} == {(401, "launch_forged")}
        assert reasons(clinic) == ["forged"] * len(forged)
        assert wake(clinic.browser(), token).status_code == 200  # none of them used it up

    def test_when_the_account_was_shut_meanwhile(self, clinic, doctor):
        token = launch_token(clinic, doctor)
        change(clinic, doctor, disable_account)
        answer = wake(clinic.browser(), token)
        assert refusal(answer) == (401, "launch_account_disabled")
        assert not answer.cookies

    def test_when_somebody_tries_again_and_again(self, clinic):
        answers = [wake(clinic.browser(), "A" * 40).status_code for _ in range(31)]
        assert answers[-2:] == [401, 429]


@pytest.mark.clause("R2.2")
class TestAnAwakePlugin:
    def test_is_the_doctors_and_on_record(self, clinic, doctor):
        browser = clinic.browser()
        answer = wake(browser, launch_token(clinic, doctor))
        assert answer.json() == {"name": "测试员工", "patient_named": False}
        cookie = {part.strip() for part in answer.headers["set-cookie"].split(";")}
        assert {"HttpOnly", "SameSite=strict", "Path=/api/plugin"} <= cookie
        (given,), (woke,) = events(clinic, "launch.given"), events(clinic, "plugin.woken")
        assert (given.actor_kind, woke.actor_kind) == ("machine", "staff")
        assert given.object_id == woke.object_id == woke.actor
        assert refusal(browser.get("/api/plugin/patient")) == (404, "plugin_no_patient")

    @pytest.mark.clause("R3.5")
    def test_opens_nothing_that_asks_for_a_password(self, clinic):
        """Not even what the account may do once its holder signs in: the HIS gave no password and no second factor."""
        many = new_account(clinic, Role.DOCTOR, Role.REVIEWER, Role.AUDITOR)
        browser = woken(clinic, many)
        addresses = ("/api/staff/session", "/api/editor/entries", "/api/admin/audit")
        assert {refusal(browser.get(address)) for address in addresses} == {(401, "sign_in_needed")}
        assert refusal(browser.post("/api/staff/second-factor")) == (401, "sign_in_needed")

    @pytest.mark.parametrize(("act", "arguments"), [(disable_account, ()), (set_roles, ({Role.AUTHOR},))])
    def test_ends_with_the_account(self, clinic, doctor, act, arguments):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        change(clinic, doctor, act, *arguments)
        assert refusal(browser.get("/api/plugin/patient")) == (401, "launch_needed")

    def test_ends_when_the_doctor_leaves_and_after_half_a_day(self, clinic, doctor):
        left, forgotten = (woken(clinic, doctor, patient_id="TEST0001") for _ in range(2))
        cookie = left.cookies["my_plugin"]
        assert left.delete("/api/plugin/session").status_code == 204
        left.cookies.set("my_plugin", cookie, domain="hospital.test", path="/api/plugin")
        assert refusal(left.get("/api/plugin/patient")) == (401, "launch_needed")
        assert forgotten.get("/api/plugin/patient").status_code == 200
        clinic.clock.forward(seconds=LONGEST.total_seconds() + 1)
        assert refusal(forgotten.get("/api/plugin/patient")) == (401, "launch_needed")

    def test_shows_the_next_patient_and_forgets_the_last(self, clinic, doctor):
        clinic.load(patient_id="P2", accession_number="A2", study="second", name="测试邻居", id_number=OTHER_ID_NUMBER)
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (first,) = examinations(listed(browser))
        assert wake(browser, launch_token(clinic, doctor, patient_id="P2")).status_code == 200
        assert listed(browser)["name"] == "测试邻居"
        answer = browser.post("/api/plugin/openings", json={"reference": first["reference"]})
        assert refusal(answer) == (404, "not_found")


@pytest.mark.clause("R2.5")
class TestThePatient:
    def test_whom_we_do_not_know_wakes_the_plugin_all_the_same(self, clinic, doctor):
        for named in ({"patient_id": "NOBODY"}, {"id_number": OTHER_ID_NUMBER}):
            answer = ask_launch(clinic, doctor, **named)
            assert (answer.status_code, answer.json()["patient_known"]) == (201, False)
            browser = clinic.browser()
            wake(browser, answer.json()["url"].partition("#")[2])
            assert refusal(browser.get("/api/plugin/patient")) == (404, "plugin_patient_unknown")

    def test_is_found_by_id_number_which_stands_in_no_address_and_no_record(self, clinic, doctor):
        answer = ask_launch(clinic, doctor, id_number=hl7.ID_NUMBER.lower())
        assert answer.json()["patient_known"] is True
        assert hl7.ID_NUMBER not in answer.text
        browser = clinic.browser()
        wake(browser, answer.json()["url"].partition("#")[2])
        assert listed(browser)["name"] == "测试患者"
        with clinic.services.database.reading() as session:
            kept = [json.dumps([row.object_id, row.detail]) for row in session.scalars(select(AuditEventRow))]
        assert not any(hl7.ID_NUMBER in row for row in kept)

    def test_is_shown_with_everything_by_kind_and_a_count_of_other_hospitals(self, hospital):
        examined_elsewhere(hospital, study="b", item="胸部CT平扫", on="20260225")
        examined_elsewhere(hospital, study="preliminary", item="头颅MR平扫", on="20260226", status="P")
        patient = listed(woken(hospital, patient_id="TEST0001"))
        assert (patient["name"], patient["badge"], patient["elsewhere_count"]) == ("测试患者", "外院 1 次检查", 1)
        assert patient["notice"] == "未接入区域平台，只列出本系统已有的检查。"
        assert [kind["label"] for kind in patient["kinds"]] == ["影像"]
        places = [(exam["institution"], exam["elsewhere"], exam["held"]) for exam in examinations(patient)]
        own = hospital.services.settings.hospital.name
        assert sorted(places) == sorted([(ELSEWHERE, True, True), (own, False, True)])
        (seen,) = events(hospital, "plugin.patient_viewed")
        assert (seen.actor_kind, seen.detail["examinations"]) == ("staff", 2)

    def test_brings_todays_reminders_and_not_yesterdays(self, clinic, doctor):
        examined_elsewhere(clinic, study="b", item="胸部CT平扫", on="20260225")
        key = clinic.machine_key("orders")
        sign = "/cds-services/duplicate-exam-sign"
        clinic.browser().post(sign, json=hook_call("胸部CT平扫", "头颅MR平扫"), headers=key)
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (reminder,) = listed(browser)["reminders"]
        assert (reminder["item"], reminder["level"], reminder["decided"]) == ("胸部CT平扫", "相同项目", False)
        (prior,) = reminder["priors"]
        assert (prior["institution"], prior["item"], prior["on"]) == (ELSEWHERE, "胸部CT平扫", "2026-02-25")
        clinic.clock.forward(hours=15)  # past midnight in China, where 9 o'clock was
        assert listed(woken(clinic, doctor, patient_id="TEST0001"))["reminders"] == []

    def test_is_shown_all_the_same_while_the_platform_is_down(self, clinic, doctor):
        class Down:
            def find(self, patient, items, view_record_id):
                raise PlatformUnreachable("down")

            def address(self, opening):
                raise PlatformUnreachable("down")

        clinic.services.__dict__["elsewhere"] = BoundedElsewhere(Down(), seconds=5)
        patient = listed(woken(clinic, doctor, patient_id="TEST0001"))
        assert patient["badge"] == "外院 0 次检查（未查全）"
        assert (patient["elsewhere"], len(examinations(patient))) == ("failed", 1)
        assert "暂时无法访问" in patient["notice"]


@pytest.mark.clause("R2.5")
class TestAnExamination:
    def test_opens_by_an_address_that_is_good_once_and_is_on_record(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (exam,) = examinations(listed(browser))
        answer = browser.post("/api/plugin/openings", json={"reference": exam["reference"]})
        address = urlsplit(answer.json()["url"]).path
        other = clinic.browser()  # the doctor's own, not the plugin's
        opened = other.get(address, follow_redirects=False)
        assert (opened.status_code, opened.headers["location"]) == (303, "/r")
        screen = other.get("/api/patient/first-screen").json()
        assert (screen["holder"], screen["rights"]) == ("doctor", ["dicom", "jpg", "report"])
        (event,) = events(clinic, "prior_exam.opened")
        assert (event.actor_kind, event.object_id) == ("staff", study_uid("study"))
        again = clinic.browser()
        assert refusal(again.get(address, follow_redirects=False)) == (404, "plugin_opening_ended")
        assert again.get("/api/patient/first-screen").status_code == 401

    def test_of_another_institution_opens_under_that_institutions_name(self, clinic, doctor):
        examined_elsewhere(clinic, study="b", item="胸部CT平扫", on="20260225")
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (exam,) = (exam for exam in examinations(listed(browser)) if exam["elsewhere"])
        address = browser.post("/api/plugin/openings", json={"reference": exam["reference"]}).json()["url"]
        other = clinic.browser()
        other.get(urlsplit(address).path)
        assert other.get("/api/patient/first-screen").json()["study"]["institution"] == exam["institution"] == ELSEWHERE

    def test_whose_report_was_withdrawn_meanwhile_opens_nothing(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (exam,) = examinations(listed(browser))
        clinic.hl7(hl7.oru_r01(accession_number="ACC0001", study_instance_uid=study_uid("study"), status="X"))
        answer = browser.post("/api/plugin/openings", json={"reference": exam["reference"]})
        assert refusal(answer) == (404, "not_found")

    @pytest.mark.parametrize("reference", ["", "0" * 31, "../" + "0" * 29, study_uid("study")])
    def test_is_named_by_its_reference_alone(self, clinic, doctor, reference):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        answer = browser.post("/api/plugin/openings", json={"reference": reference})
        assert (answer.status_code, answer.json()["field"]) == (422, "reference")

    def test_without_a_report_is_not_listed(self, clinic, doctor):
        clinic.images(ct_series(1, 16, 16, study="fresh", patient_id="TEST0001", accession_number="NEW"))
        clinic.follow(derive=False)
        assert len(examinations(listed(woken(clinic, doctor, patient_id="TEST0001")))) == 1
