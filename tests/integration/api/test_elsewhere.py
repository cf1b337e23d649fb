"""A patient's examinations at other hospitals, asked of a regional platform that runs as a process of its own."""

from threading import Thread

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from api.workflows.exams_elsewhere import FewAtOnce
from imaging_core.domain.grants import Right
from imaging_core.interop.regional import ProvincialPlatform, ProvincialSettings
from tests.builders.dicom import study_uid
from tests.builders.region import EXAMINED, OURS, PERSON, STRANGER, THEIRS, registration, running_platform
from tests.builders.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("elsewhere")]

EXAMS = "/api/patient/elsewhere"
PERSONS, STRANGERS = study_uid("persons"), study_uid("strangers")
WRONG_NUMBER = "990000196203150010"
CONSENT = {"purpose": "elsewhere", "version": "1", "given": True}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        theirs = running.seen_by(THEIRS)
        theirs.register(registration("exam-old", examined_at=EXAMINED.replace(year=2024)))
        theirs.register(registration("exam-new", series=()))
        theirs.register(registration("exam-strange", person=STRANGER, item="头颅MR平扫", modality="MR"))
        yield running


@pytest.fixture
def regional(clinic, platform):
    """The hospital, connected, with two people of whom the platform knows."""
    platform.misbehave("none")
    clinic.services.__dict__["platform"] = platform.seen_by(OURS)
    clinic.load(patient_id="P1", accession_number="A1", study="persons", name=PERSON.name, id_number=PERSON.id_number)
    clinic.load(
        patient_id="P2", accession_number="A2", study="strangers", name=STRANGER.name, id_number=STRANGER.id_number
    )
    yield clinic
    platform.misbehave("none")


def entered(hospital, study=PERSONS, *, agreed=True, **options):
    _, cookie = hospital.grant(study, **options)
    browser = hospital.browser(cookie)
    if agreed:
        assert browser.post("/api/patient/consents", json=CONSENT).status_code == 204
    return browser


def handles(browser) -> list[str]:
    return [exam["handle"] for exam in browser.get(EXAMS).json()["exams"]]


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def audited(hospital) -> list[AuditEventRow]:
    events = select(AuditEventRow).where(AuditEventRow.action.like("elsewhere.%")).order_by(AuditEventRow.at)
    with hospital.services.database.reading() as session:
        return list(session.scalars(events))


class TestOtherHospitalsCannotBeAsked:
    @pytest.mark.parametrize(
        "fault", ["silent", "drip", "dead", "error", "garbage", "other_form", "tampered", "refusing"]
    )
    def test_whatever_the_platform_does_is_a_state_and_own_studies_are_listed(self, regional, platform, fault):
        regional.services.__dict__["platform"] = platform.seen_by(OURS, seconds=0.5)
        browser = entered(regional)
        platform.misbehave(fault)
        asked = browser.get(EXAMS)
        assert (asked.status_code, asked.json()) == (200, {"state": "unavailable", "exams": []})
        assert [study["study_instance_uid"] for study in browser.get("/api/patient/studies").json()] == [PERSONS]
        (event,) = audited(regional)
        assert (event.action, event.outcome) == ("elsewhere.asked", "failed")

    def test_nobody_listening_there_is_the_same(self, regional):
        nowhere = ProvincialSettings(
            url=f"http://127.0.0.1:{free_port()}",
            key="key",
            secret=b"s" * 32,
            institution_code=OURS,
            institution_name="测试一院",
        )
        regional.services.__dict__["platform"] = ProvincialPlatform(nowhere, regional.clock)
        assert entered(regional).get(EXAMS).json()["state"] == "unavailable"

    def test_own_studies_are_listed_while_the_platform_is_still_thinking(self, regional, platform):
        regional.services.__dict__["platform"] = platform.seen_by(OURS, seconds=2)
        waiting, browser = entered(regional), entered(regional)
        platform.misbehave("silent")
        answers = []
        asking = Thread(target=lambda: answers.append(waiting.get(EXAMS).json()["state"]))
        asking.start()
        assert len(browser.get("/api/patient/studies").json()) == 1
        asking.join()
        assert answers == ["unavailable"]

    def test_no_more_than_a_few_questions_wait_for_it(self):
        few = FewAtOnce(1)
        assert few.ask(lambda: ("first", few.ask(lambda: "second"))) == ("first", None)
        assert few.ask(lambda: "third") == "third"

    def test_without_a_platform_nobody_is_asked_for_consent(self, clinic):
        browser = entered(clinic, study_uid("study"), agreed=False)
        assert browser.get(EXAMS).json() == {"state": "not_connected", "exams": []}

    @pytest.mark.parametrize("number", ["", WRONG_NUMBER, "E12345678"], ids=["none", "mistyped", "passport"])
    def test_without_a_resident_id_number_nothing_is_asked(self, regional, platform, number):
        regional.load(patient_id="P4", accession_number="A4", study="fourth", name=PERSON.name, id_number=number)
        platform.misbehave("dead")
        browser = entered(regional, study_uid("fourth"))
        assert browser.get(EXAMS).json() == {"state": "no_id_number", "exams": []}
        assert audited(regional) == []


class TestWhoMayAsk:
    def test_nothing_is_asked_before_the_patient_agreed(self, regional):
        browser = entered(regional, agreed=False)
        refused = browser.get(EXAMS)
        assert (*code(refused), refused.json()["purpose"]) == (403, "consent_needed", "elsewhere")
        browser.post("/api/patient/consents", json={**CONSENT, "purpose": "interpret"})
        assert code(browser.get(EXAMS)) == (403, "consent_needed")
        assert audited(regional) == []

    def test_withdrawing_closes_the_list_and_what_it_told(self, regional):
        browser = entered(regional)
        handle = handles(browser)[0]
        browser.post("/api/patient/consents", json={**CONSENT, "given": False})
        assert code(browser.get(EXAMS)) == (403, "consent_needed")
        assert code(browser.post(f"{EXAMS}/{handle}")) == (403, "consent_needed")

    def test_a_share_holder_may_not_even_when_the_patient_agreed(self, regional):
        handle = handles(entered(regional))[0]
        holder = entered(regional, agreed=False, rights=frozenset(Right), shared=True)
        assert code(holder.get(EXAMS)) == (403, "right_missing")
        assert code(holder.post(f"{EXAMS}/{handle}")) == (403, "right_missing")

    def test_nobody_may_ask_without_end(self, regional):
        browser = entered(regional)
        answers = [browser.post(f"{EXAMS}/{handles(browser)[0]}").status_code for _ in range(15)]
        assert set(answers) == {200}
        assert code(browser.get(EXAMS)) == (429, "too_many")


@pytest.mark.clause("R3.4")
class TestExamsElsewhere:
    def test_are_told_newest_first_with_what_a_person_wants_to_know(self, regional):
        asked = entered(regional).get(EXAMS).json()
        assert asked["state"] == "answered"
        told = [{name: value for name, value in exam.items() if name != "handle"} for exam in asked["exams"]]
        common = {"exam_item": "胸部CT平扫", "modality": "CT", "institution": "测试二院", "has_report": True}
        assert told == [
            {**common, "exam_date": "2026-01-10", "has_images": False},
            {**common, "exam_date": "2024-01-10", "has_images": True},
        ]

    def test_are_the_patients_own_and_nobody_elses(self, regional):
        assert [exam["exam_item"] for exam in entered(regional, STRANGERS).get(EXAMS).json()["exams"]] == ["头颅MR平扫"]

    def test_keep_their_handles_and_show_no_number_of_the_platform(self, regional):
        first, second = entered(regional), entered(regional)
        assert handles(first) == handles(first) == handles(second)
        assert "exam-" not in first.get(EXAMS).text
        assert THEIRS not in first.get(EXAMS).text

    def test_open_at_an_address_made_for_each_tap_and_stand_in_the_audit(self, regional):
        browser = entered(regional)
        handle = handles(browser)[0]
        taps = [browser.post(f"{EXAMS}/{handle}") for _ in range(2)]
        addresses = [tap.json()["url"] for tap in taps]
        assert all(address.startswith("http://127.0.0.1:1/region/open?ticket=") for address in addresses)
        assert addresses[0] != addresses[1]
        assert taps[0].headers["cache-control"] == "no-store"
        opened = [event for event in audited(regional) if event.action == "elsewhere.opened"]
        assert [event.outcome for event in opened] == ["success", "success"]
        assert [(event.detail["exam"], event.detail["institution_code"]) for event in opened] == [(handle, THEIRS)] * 2


class TestHandles:
    def test_of_another_patient_open_nothing(self, regional):
        owner, neighbour = entered(regional), entered(regional, STRANGERS)
        handle = handles(owner)[0]
        assert handles(neighbour) != []
        foreign, unknown = neighbour.post(f"{EXAMS}/{handle}"), neighbour.post(f"{EXAMS}/{'A' * 27}")
        assert code(foreign) == (404, "elsewhere_unknown")
        assert foreign.content == unknown.content

    def test_replayed_after_leaving_open_nothing(self, regional):
        browser = entered(regional)
        handle, cookies = handles(browser)[0], dict(browser.cookies)
        browser.post("/api/patient/leave")
        browser.cookies.set("my_grant", cookies["my_grant"], domain="hospital.test", path="/api/patient")
        assert code(browser.post(f"{EXAMS}/{handle}")) == (401, "verification_needed")

    def test_told_to_an_earlier_visit_must_be_asked_for_anew(self, regional):
        handle = handles(entered(regional))[0]
        later = entered(regional)
        assert code(later.post(f"{EXAMS}/{handle}")) == (404, "elsewhere_unknown")
        assert handle in handles(later)
        assert later.post(f"{EXAMS}/{handle}").status_code == 200

    @pytest.mark.parametrize("fault", ["dead", "garbage", "refusing", "bad_address"])
    def test_open_nothing_while_the_platform_fails_and_may_be_tried_again(self, regional, platform, fault):
        browser = entered(regional)
        handle = handles(browser)[0]
        platform.misbehave(fault)
        assert code(browser.post(f"{EXAMS}/{handle}")) == (503, "elsewhere_silent")
        platform.misbehave("none")
        assert browser.post(f"{EXAMS}/{handle}").status_code == 200
        outcomes = [event.outcome for event in audited(regional) if event.action == "elsewhere.opened"]
        assert sorted(outcomes) == ["failed", "success"]
