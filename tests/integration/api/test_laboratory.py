"""A doctor opens a patient's laboratory reports from the plugin: everything as written, and nobody else's."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.accounts.store import disable_account, find_account, set_roles
from api.db.tables import AuditEventRow
from tests.builders.dicom import study_uid
from tests.builders.hospital import NOW, OTHER_ID_NUMBER
from tests.builders.laboratory import keep, laboratory_cookie, result
from tests.builders.orders import ELSEWHERE, examined_elsewhere
from tests.builders.plugin import launch_token, wake, woken
from tests.builders.staff import new_account

pytestmark = [pytest.mark.integration, pytest.mark.clause("R2.10")]

BEFORE = NOW - timedelta(days=30)


@pytest.fixture
def doctor(clinic):
    return new_account(clinic, Role.DOCTOR)


@pytest.fixture
def neighbour(clinic):
    clinic.load(patient_id="P2", accession_number="A2", study="second", name="测试邻居", id_number=OTHER_ID_NUMBER)
    keep(clinic, result("L9", value="77.7"), at=NOW, patient_id="P2")
    return "P2"


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def listed(browser):
    kinds = browser.get("/api/plugin/patient").json()["kinds"]
    return next((kind["examinations"] for kind in kinds if kind["kind"] == "laboratory"), [])


def clicked(browser, reference):
    answer = browser.post("/api/plugin/openings", json={"reference": reference})
    assert answer.status_code == 200, answer.text
    return urlsplit(answer.json()["url"]).path


def opened(hospital, address):
    """Return a browser of the doctor's own in which the address was opened, and the report it leads to."""
    browser = hospital.browser()
    answer = browser.get(address, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    page, _, reference = answer.headers["location"].partition("#")
    assert page == "/laboratory"
    return browser, reference


def read(browser, reference):
    return browser.get(f"/api/laboratory/reports/{reference}")


def events(hospital, action):
    with hospital.services.database.reading() as session:
        return session.scalars(select(AuditEventRow).where(AuditEventRow.action == action)).all()


class TestWhoSeesNothing:
    def test_nobody_without_an_opening_not_even_the_plugin_itself(self, clinic, doctor):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        (report,) = listed(plugin)
        for browser in (clinic.browser(), plugin, clinic.browser(clinic.grant(study_uid("study"))[1])):
            assert refusal(read(browser, report["reference"])) == (401, "laboratory_ended")

    def test_whoever_opens_an_address_a_second_time(self, clinic, doctor):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        (report,) = listed(plugin)
        address = clicked(plugin, report["reference"])
        opened(clinic, address)
        late = clinic.browser()
        assert refusal(late.get(address, follow_redirects=False)) == (404, "plugin_opening_ended")
        assert refusal(read(late, report["reference"])) == (401, "laboratory_ended")

    def test_a_doctor_who_names_another_patients_report(self, clinic, doctor, neighbour):
        keep(clinic, result("L1"), at=NOW)
        plugin, other = (woken(clinic, doctor, patient_id=name) for name in ("TEST0001", neighbour))
        (own,), (foreign,) = listed(plugin), listed(other)
        asked = plugin.post("/api/plugin/openings", json={"reference": foreign["reference"]})
        assert refusal(asked) == (404, "not_found")
        browser, _ = opened(clinic, clicked(plugin, own["reference"]))
        answer = read(browser, foreign["reference"])
        assert refusal(answer) == (404, "not_found")
        assert "77.7" not in answer.text

    def test_a_doctor_whose_plugin_went_on_to_the_next_patient(self, clinic, doctor, neighbour):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        (report,) = listed(plugin)
        wake(plugin, launch_token(clinic, doctor, patient_id=neighbour))
        asked = plugin.post("/api/plugin/openings", json={"reference": report["reference"]})
        assert refusal(asked) == (404, "not_found")

    @pytest.mark.parametrize(("act", "arguments"), [(disable_account, ()), (set_roles, ({Role.AUTHOR},))])
    def test_a_doctor_who_is_none_any_more(self, clinic, doctor, act, arguments):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        browser, reference = opened(clinic, clicked(plugin, listed(plugin)[0]["reference"]))
        with clinic.services.database.writing() as session:
            act(session, find_account(session, clinic.institution_code, doctor), *arguments, clinic.clock())
        assert refusal(read(browser, reference)) == (401, "laboratory_ended")

    def test_whoever_writes_what_is_no_reference(self, clinic, doctor):
        browser = clinic.browser()
        browser.cookies.set("my_laboratory", laboratory_cookie(clinic, doctor), domain="hospital.test", path="/api")
        answer = read(browser, "L1")
        assert (answer.status_code, answer.json()["field"]) == (422, "reference")
        assert refusal(read(browser, "0" * 32)) == (404, "not_found")


class TestAReport:
    def test_stands_in_the_list_and_opens_in_another_browser_as_written(self, hospital):
        marked = result("L2", "ALT", "<5.00", item_name="丙氨酸氨基转移酶", unit="U/L", reference_range="", flag="↓")
        strange = result("L2", "XX", "见备注", item_name="形态", unit="", reference_range="", flag="?")
        keep(hospital, result("L2", value="11.20", flag="H"), marked, strange, at=NOW)
        plugin = woken(hospital, patient_id="TEST0001")
        (report,) = listed(plugin)
        assert (report["item"], report["on"], report["elsewhere"], report["held"]) == (
            "血常规",
            "2026-03-02",
            False,
            False,
        )
        browser, reference = opened(hospital, clicked(plugin, report["reference"]))
        assert reference == report["reference"]
        shown = read(browser, reference).json()
        assert (shown["name"], shown["report_number"], shown["title"]) == ("测试患者", "L2", "血常规")
        lines = [
            (line["item"], line["value"], line["unit"], line["reference_range"], line["flag"], line["flag_words"])
            for line in shown["lines"]
        ]
        assert lines == [
            ("白细胞计数", "11.20", "10^9/L", "3.5-9.5", "H", "偏高"),
            ("丙氨酸氨基转移酶", "<5.00", "U/L", "", "↓", "偏低"),
            ("形态", "见备注", "", "", "?", ""),
        ]
        assert [line["marked"] for line in shown["lines"]] == [True, True, True]

    def test_shows_what_this_laboratory_measured_before_and_no_other(self, clinic, doctor):
        examined_elsewhere(clinic, study="b", item="胸部CT平扫", on="20260225")  # registers the person there
        keep(clinic, result("OLD", value="5.0"), result("OLD", "RBC", "4.4"), at=BEFORE)
        keep(clinic, result("THERE", value="8.8"), at=BEFORE, patient_id="B0001", code=ELSEWHERE)
        keep(clinic, result("NEW"), at=NOW)
        keep(clinic, result("LATER", value="9.9"), at=NOW + timedelta(days=1))
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        browser, reference = opened(clinic, clicked(plugin, listed(plugin)[1]["reference"]))
        shown = read(browser, reference).json()
        assert shown["report_number"] == "NEW"
        (line,) = shown["lines"]
        assert [(before["value"], before["unit"]) for before in line["earlier"]] == [("5.0", "10^9/L")]
        assert len(shown["reports"]) == 4

    def test_of_another_hospital_is_listed_as_that_hospitals(self, clinic, doctor):
        examined_elsewhere(clinic, study="b", item="胸部CT平扫", on="20260225")
        keep(clinic, result("THERE"), at=BEFORE, patient_id="B0001", code=ELSEWHERE)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        (report,) = listed(plugin)
        assert (report["institution"], report["elsewhere"]) == (ELSEWHERE, True)
        browser, reference = opened(clinic, clicked(plugin, report["reference"]))
        assert read(browser, reference).json()["institution"] == ELSEWHERE

    def test_without_a_panel_has_a_name_all_the_same(self, clinic, doctor):
        keep(clinic, result("L1", panel=""), at=NOW)
        (report,) = listed(woken(clinic, doctor, patient_id="TEST0001"))
        assert report["item"] == "检验报告"

    @pytest.mark.clause("R3.5")
    def test_is_on_record_when_it_is_opened_and_when_it_is_read(self, clinic, doctor):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        browser, reference = opened(clinic, clicked(plugin, listed(plugin)[0]["reference"]))
        read(browser, reference)
        (opening,), (reading,) = events(clinic, "prior_exam.opened"), events(clinic, "laboratory.viewed")
        assert {event.object_id for event in (opening, reading)} == {"L1"}
        assert opening.actor == reading.actor
        assert opening.actor_kind == "staff"

    def test_cookie_goes_to_its_own_addresses_alone(self, clinic, doctor):
        keep(clinic, result("L1"), at=NOW)
        plugin = woken(clinic, doctor, patient_id="TEST0001")
        address = clicked(plugin, listed(plugin)[0]["reference"])
        answer = clinic.browser().get(address, follow_redirects=False)
        cookie = {part.strip() for part in answer.headers["set-cookie"].split(";")}
        assert {"HttpOnly", "SameSite=strict", "Path=/api/laboratory"} <= cookie
