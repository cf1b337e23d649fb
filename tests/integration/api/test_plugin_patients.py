"""How a doctor comes to a patient in the plugin: recent ones, search by name, today's reminders."""

import json

import pytest
from sqlalchemy import func, select

from api.accounts.roles import Role
from api.accounts.store import disable_account, find_account, set_roles
from api.db.tables import AuditEventRow, RecentPatientRow
from api.workflows.recent_patients import note_seen
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.patients.registry import register_patient
from tests.builders import hl7
from tests.builders.hospital import OTHER_ID_NUMBER
from tests.builders.orders import examined_elsewhere, hook_call
from tests.builders.plugin import woken
from tests.builders.records import registration
from tests.builders.staff import new_account

pytestmark = [pytest.mark.integration, pytest.mark.clause("R2.4")]

ELSEWHERE = InstitutionCode("12340000OTHER00002")
LISTS = ("/api/plugin/recents", "/api/plugin/reminders")


@pytest.fixture
def doctor(clinic):
    return new_account(clinic, Role.DOCTOR)


def register(hospital, patient_id, name, id_number=OTHER_ID_NUMBER):
    hospital.hl7(hl7.adt_a04(patient_id=patient_id, name=name, id_number=id_number))


def events(hospital, action):
    with hospital.services.database.reading() as session:
        return session.scalars(
            select(AuditEventRow).where(AuditEventRow.action == action).order_by(AuditEventRow.at)
        ).all()


def account_id(hospital, login):
    with hospital.services.database.reading() as session:
        account = find_account(session, hospital.institution_code, login)
        assert account is not None
        return account.id


def change(hospital, login, act, *arguments):
    with hospital.services.database.writing() as session:
        account = find_account(session, hospital.institution_code, login)
        act(session, account, *arguments, hospital.clock())


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def seek(browser, text):
    answer = browser.post("/api/plugin/search", json={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(browser, text):
    return [patient["name"] for patient in seek(browser, text)["patients"]]


def recents(browser):
    answer = browser.get("/api/plugin/recents")
    assert answer.status_code == 200, answer.text
    return answer.json()["patients"]


def reminders(browser):
    answer = browser.get("/api/plugin/reminders")
    assert answer.status_code == 200, answer.text
    return answer.json()["reminders"]


def switch(browser, reference):
    return browser.post("/api/plugin/patient", json={"reference": reference})


def view(browser):
    answer = browser.get("/api/plugin/patient")
    assert answer.status_code == 200, answer.text
    return answer.json()["name"]


class TestNobodyElse:
    def test_gets_anything_without_a_session(self, clinic):
        stranger = clinic.browser()
        answers = [stranger.get(address) for address in LISTS]
        answers += [stranger.post("/api/plugin/search", json={"text": "cs"}), switch(stranger, "A" * 27)]
        assert {refusal(answer) for answer in answers} == {(401, "launch_needed")}

    @pytest.mark.parametrize(("act", "arguments"), [(disable_account, ()), (set_roles, ({Role.AUTHOR},))])
    def test_gets_anything_after_the_account_is_shut_or_no_doctors(self, clinic, doctor, act, arguments):
        browser = woken(clinic, doctor)
        (patient,) = seek(browser, "csh")["patients"]
        change(clinic, doctor, act, *arguments)
        answers = [browser.get(address) for address in LISTS]
        answers += [browser.post("/api/plugin/search", json={"text": "cs"}), switch(browser, patient["reference"])]
        assert {refusal(answer) for answer in answers} == {(401, "launch_needed")}

    def test_can_use_a_reference_of_another_session_even_of_the_same_doctor(self, clinic, doctor):
        one, other = woken(clinic, doctor), woken(clinic, doctor)
        (patient,) = seek(one, "csh")["patients"]
        assert refusal(switch(other, patient["reference"])) == (404, "plugin_patient_ended")
        (again,) = seek(other, "csh")["patients"]
        assert again["reference"] != patient["reference"]

    def test_is_named_by_anything_but_a_reference(self, clinic, doctor):
        browser = woken(clinic, doctor)
        for reference in ("", "1", "A" * 19, "A" * 65, "../" + "A" * 24, None):
            answer = switch(browser, reference)
            assert (answer.status_code, answer.json()["field"]) == (422, "reference")

    def test_of_another_institution_is_found_or_switched_to(self, clinic, doctor):
        services = clinic.services
        with services.database.writing() as session:
            theirs = registration("THEIRS", name="外院患者", institution_code=ELSEWHERE, id_number=None, phone=None)
            register_patient(session, services.cipher, theirs, clinic.clock())
        browser = woken(clinic, doctor)
        assert found(browser, "外院") == found(browser, "wyhz") == []


class TestSearch:
    def test_finds_by_characters_pinyin_and_initials(self, hospital):
        register(hospital, "P2", "单雄信")
        browser = woken(hospital)
        for text in ("单雄", "雄信", "shanxiong", "shan xiong", "sxx", "单x"):
            answer = seek(browser, text)
            (patient,) = answer["patients"]
            assert (patient["name"], patient["sex"], patient["age"], answer["more"]) == ("单雄信", "F", 46, False)
            assert patient["last_exam_on"] is None

    def test_refuses_what_says_too_little_or_too_much(self, clinic, doctor):
        browser = woken(clinic, doctor)
        for text, code in (
            ("", "invalid_request"),
            ("   ", "invalid_request"),
            ("测" * 65, "invalid_request"),
            ("c\x00s", "invalid_request"),
            (None, "invalid_request"),
            (["cs"], "invalid_request"),
            ("z", "search_too_short"),
            ("%", "search_too_short"),
            ("__%", "search_too_short"),
            ("😀😀", "search_too_short"),
        ):
            answer = browser.post("/api/plugin/search", json={"text": text})
            assert (text, *refusal(answer), answer.json()["field"]) == (text, 422, code, "text")

    def test_takes_wildcards_for_nothing(self, clinic, doctor):
        browser = woken(clinic, doctor)
        assert found(browser, "%试患") == ["测试患者"]  # an inner part, not the sign
        assert found(browser, "测%者") == found(browser, "c_h") == []

    def test_shows_twenty_and_says_that_there_are_more(self, clinic, doctor):
        for number in range(20):
            register(clinic, f"M{number}", "测试")
        browser = woken(clinic, doctor)
        for text in ("测试", "cs", "ce shi"):
            answer = seek(browser, text)
            assert (len(answer["patients"]), answer["more"]) == (20, True)

    def test_puts_the_doctors_recent_patients_first(self, clinic, doctor):
        register(clinic, "P2", "测试")
        browser = woken(clinic, doctor)
        assert found(browser, "测试") == ["测试", "测试患者"]
        view(woken(clinic, doctor, patient_id="TEST0001"))
        assert found(browser, "测试") == ["测试患者", "测试"]
        assert found(woken(clinic), "测试") == ["测试", "测试患者"]  # another doctor's are not

    @pytest.mark.clause("R7.3")
    def test_is_on_record_with_who_and_how_many_and_never_what(self, clinic, doctor):
        browser = woken(clinic, doctor)
        seek(browser, "ceshihuan")
        seek(browser, "无此人")
        records = events(clinic, "plugin.patient_searched")
        assert [event.detail for event in records] == [{"found": 1, "more": False}, {"found": 0, "more": False}]
        assert {event.actor_kind for event in records} == {"staff"}
        kept = [json.dumps([event.object_id, event.detail], ensure_ascii=False) for event in records]
        assert not any(word in row for row in kept for word in ("ceshi", "无此人", "测试"))

    def test_cannot_be_used_to_read_the_index_out(self, clinic, doctor):
        browser = woken(clinic, doctor)
        count, number = clinic.services.limiter.count, account_id(clinic, doctor)
        for _ in range(60):
            count(f"plugin-search:{number}", window_seconds=60)
        answer = browser.post("/api/plugin/search", json={"text": "cs"})
        assert refusal(answer) == (429, "too_many")
        assert int(answer.headers["retry-after"]) > 0
        assert found(woken(clinic), "csh") == ["测试患者"]  # one doctor's haste stops no other
        clinic.services.limiter.forget(f"plugin-search:{number}")
        for _ in range(600):
            count(f"plugin-search-hour:{number}", window_seconds=3600)
        assert refusal(browser.post("/api/plugin/search", json={"text": "cs"})) == (429, "too_many")


class TestRecents:
    def test_are_whom_this_doctor_had_before_them_the_latest_first(self, hospital):
        register(hospital, "P2", "测试邻居")
        doctor = new_account(hospital, Role.DOCTOR)
        browser = woken(hospital, doctor, patient_id="TEST0001")
        assert recents(browser) == []  # launched, not looked at
        view(browser)
        hospital.clock.forward(minutes=5)
        view(woken(hospital, doctor, patient_id="P2"))
        hospital.clock.forward(minutes=5)
        listed = recents(browser)
        assert [(patient["name"], patient["seen_at"]) for patient in listed] == [
            ("测试邻居", "2026-03-02T01:05:00Z"),
            ("测试患者", "2026-03-02T01:00:00Z"),
        ]
        assert {(patient["sex"], patient["age"]) for patient in listed} == {("F", 46)}
        view(browser)
        assert [patient["name"] for patient in recents(browser)] == ["测试患者", "测试邻居"]
        assert recents(woken(hospital)) == []

    def test_are_fifty_of_thirty_days_and_older_ones_are_gone(self, clinic, doctor):
        view(woken(clinic, doctor, patient_id="TEST0001"))
        clinic.clock.forward(days=30)
        register(clinic, "P2", "测试邻居")
        browser = woken(clinic, doctor, patient_id="P2")
        assert recents(browser) == []
        view(browser)
        with clinic.services.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(RecentPatientRow)) == 1
        services, number = clinic.services, account_id(clinic, doctor)
        with services.database.writing() as session:
            for count in range(51):
                person = registration(
                    f"R{count}", name=f"测试{count}", institution_code=InstitutionCode(clinic.institution_code)
                )
                clinic.clock.forward(seconds=1)
                key = register_patient(session, services.cipher, person, clinic.clock())
                note_seen(session, number, clinic.institution_code, key, clinic.clock())
        listed = [patient["name"] for patient in recents(browser)]
        assert (len(listed), listed[0], listed[-1]) == (50, "测试50", "测试1")


class TestTheSwitch:
    def test_puts_the_chosen_patient_before_the_doctor_and_is_on_record(self, hospital):
        register(hospital, "P2", "测试邻居")
        browser = woken(hospital, patient_id="P2")
        assert view(browser) == "测试邻居"
        (chosen,) = seek(browser, "cshz")["patients"]
        hospital.clock.forward(seconds=1)
        answer = switch(browser, chosen["reference"])
        assert (answer.status_code, answer.content) == (204, b"")
        assert view(browser) == "测试患者"
        (event,) = events(hospital, "plugin.patient_switched")
        assert (event.actor_kind, event.object_kind) == ("staff", "patient")
        assert [patient["name"] for patient in recents(browser)] == ["测试患者", "测试邻居"]

    def test_gives_a_plugin_that_woke_without_a_patient_one(self, clinic, doctor):
        browser = woken(clinic, doctor)
        assert refusal(browser.get("/api/plugin/patient")) == (404, "plugin_no_patient")
        (chosen,) = seek(browser, "csh")["patients"]
        switch(browser, chosen["reference"])
        assert [patient["name"] for patient in recents(browser)] == ["测试患者"]  # chosen, before it is looked at
        assert view(browser) == "测试患者"

    def test_leaves_nothing_of_the_last_patient_to_open(self, clinic, doctor):
        register(clinic, "P2", "测试邻居")
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (exam,) = browser.get("/api/plugin/patient").json()["kinds"][0]["examinations"]
        (other,) = seek(browser, "测试邻居")["patients"]
        switch(browser, other["reference"])
        answer = browser.post("/api/plugin/openings", json={"reference": exam["reference"]})
        assert refusal(answer) == (404, "not_found")

    def test_ends_with_its_session(self, clinic, doctor):
        browser = woken(clinic, doctor)
        (patient,) = seek(browser, "csh")["patients"]
        cookie = browser.cookies["my_plugin"]
        browser.delete("/api/plugin/session")
        browser.cookies.set("my_plugin", cookie, domain="hospital.test", path="/api/plugin")
        assert refusal(switch(browser, patient["reference"])) == (401, "launch_needed")
        keys = clinic.services.redis.keys("plugin:*")
        assert keys == []


class TestTodaysReminders:
    @pytest.fixture
    def ordered(self, clinic):
        """Two orders of one doctor of the HIS: D001."""
        examined_elsewhere(clinic, study="b", item="胸部CT平扫", on="20260225")
        call = hook_call("胸部CT平扫", "头颅MR平扫")
        call["context"]["userId"] = "Practitioner/DR.WANG"
        answer = clinic.browser().post(
            "/cds-services/duplicate-exam-sign", json=call, headers=clinic.machine_key("orders")
        )
        assert answer.status_code == 200, answer.text

    def test_are_of_the_orders_that_name_the_doctor(self, clinic, ordered):
        own = woken(clinic, new_account(clinic, Role.DOCTOR, login="dr.wang"))
        (reminder,) = reminders(own)
        assert (reminder["name"], reminder["item"], reminder["level"]) == ("测试患者", "胸部CT平扫", "相同项目")
        assert (reminder["decided"], reminder["checked_at"]) == (False, "2026-03-02T01:00:00Z")
        assert [prior["on"] for prior in reminder["priors"]] == ["2026-02-25"]
        assert switch(own, reminder["patient"]).status_code == 204
        assert view(own) == "测试患者"

    def test_are_of_the_patients_opened_today_too_and_of_nobody_else(self, clinic, doctor, ordered):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        assert reminders(browser) == []
        view(browser)
        assert [reminder["item"] for reminder in reminders(browser)] == ["胸部CT平扫"]

    def test_are_not_yesterdays(self, clinic, ordered):
        browser = woken(clinic, new_account(clinic, Role.DOCTOR, login="dr.wang"), patient_id="TEST0001")
        view(browser)
        clinic.clock.forward(hours=15)  # past midnight in China, where 9 o'clock was
        late = woken(clinic, "dr.wang")
        assert reminders(late) == []
