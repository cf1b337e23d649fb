"""A HIS orders: what was examined already, one click away; the decision and the receipt; never a delay."""

import json
import threading
import time
from datetime import date
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.coding import ExamItem
from imaging_core.interop.regional import PlatformUnreachable
from imaging_core.reminders.elsewhere import BoundedElsewhere, ElsewhereExam, PatientIdentity
from imaging_core.reminders.reasons import RepeatReason
from imaging_core.reminders.tables import OrderCheckRow, OrderItemRow, OrderReceiptRow
from imaging_core.sharing.links import revoke_link
from imaging_core.sharing.tables import LinkRow
from tests.builders import hl7
from tests.builders.dicom import study_uid
from tests.builders.hospital import OTHER_ID_NUMBER
from tests.builders.orders import ELSEWHERE, examined_elsewhere, hook_call

pytestmark = pytest.mark.integration

SIGN = "/cds-services/duplicate-exam-sign"
SELECT = "/cds-services/duplicate-exam-select"


@pytest.fixture
def his(hospital):
    browser = hospital.browser()
    browser.headers.update(hospital.machine_key("orders"))
    return browser


@pytest.fixture
def quick(clinic):
    """The same where the database is not the subject."""
    browser = clinic.browser()
    browser.headers.update(clinic.machine_key("orders"))
    return browser


def rows(hospital, table):
    with hospital.services.database.reading() as session:
        return session.scalars(select(table)).all()


def events(hospital, action):
    return [row for row in rows(hospital, AuditEventRow) if row.action == action]


def cards(his, *names, **options):
    address = SELECT if options.get("hook") == "order-select" else SIGN
    answer = his.post(address, json=hook_call(*names, **options))
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def follow(browser, card):
    """Click on the first link of a card; the test's browser knows the service by another name."""
    return browser.get(urlsplit(card["links"][0]["url"]).path, follow_redirects=False)


def overridden(card, code=None, comment=None):
    said = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-02T01:00:00Z"}
    if code is not None:
        said["overrideReason"] = {"reason": {"code": code, "system": "urn:mingying:repeat-reason"}}
        if comment is not None:
            said["overrideReason"]["userComment"] = comment
    return {"feedback": [said]}


def accepted(card):
    suggestion = card["suggestions"][0]["uuid"]
    return {"feedback": [{"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion}]}]}


class Platform:
    """A regional platform that tests make slow, dead or talkative."""

    def __init__(self, *, exams=(), fault=None, until=None) -> None:
        self.exams, self.fault, self.until = exams, fault, until
        self.asked: list[tuple[PatientIdentity, list[ExamItem]]] = []

    def find(self, patient, items, view_record_id):
        self.asked.append((patient, items))
        if self.until is not None:
            self.until.wait(30)
        if self.fault is not None:
            raise self.fault
        return self.exams

    def address(self, opening):
        if self.fault is not None:
            raise self.fault
        return f"https://p.test/{opening['examination_id']}"


def connect(hospital, platform, *, seconds=5.0):
    hospital.services.__dict__["elsewhere"] = BoundedElsewhere(platform, seconds=seconds)


class TestWhatIsNotAReminder:
    def test_another_person_at_the_other_hospital(self, clinic, quick):
        examined_elsewhere(clinic, study="b", id_number=OTHER_ID_NUMBER, phone="13800000009")
        assert cards(quick, "胸部CT平扫") == []

    def test_a_child_registered_with_the_parents_number(self, clinic, quick):
        examined_elsewhere(clinic, study="b", name="测试孩子")
        assert cards(quick, "胸部CT平扫") == []

    def test_a_report_nobody_signed(self, clinic, quick):
        examined_elsewhere(clinic, study="b", status="P")
        assert cards(quick, "胸部CT平扫") == []

    def test_the_own_hospitals_study(self, quick):
        assert cards(quick, "胸部CT平扫") == []

    def test_nothing_found_still_leaves_a_receipt(self, clinic, quick):
        assert cards(quick, "头颅MRI平扫") == []
        (receipt,) = rows(clinic, OrderReceiptRow)
        assert (receipt.level, receipt.prior_count, receipt.channel) == ("none", 0, "order-sign")

    def test_a_medication(self, clinic, quick):
        body = hook_call("胸部CT平扫")
        body["context"]["draftOrders"]["entry"][0]["resource"]["resourceType"] = "MedicationRequest"
        assert quick.post(SIGN, json=body).json() == {"cards": []}
        assert rows(clinic, OrderReceiptRow) == []

    def test_what_is_not_selected(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        names = ("胸部CT平扫", "头颅MRI平扫")
        assert cards(quick, *names, hook="order-select", selections=["ServiceRequest/req-2"]) == []
        assert len(cards(quick, *names, hook="order-select", selections=["ServiceRequest/req-1"])) == 1

    def test_a_patient_nobody_registered_is_said_to_be_unknown(self, clinic, quick):
        (card,) = cards(quick, "胸部CT平扫", patient_id="NOBODY")
        assert "未在影像系统登记" in card["summary"]
        assert card["indicator"] == "info"
        assert [row.level for row in rows(clinic, OrderReceiptRow)] == ["none"]


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            (lambda body: body.pop("hook"), "hook"),
            (lambda body: body.update(hook="patient-view"), "hook"),
            (lambda body: body["context"].pop("patientId"), "context.patientId"),
            (lambda body: body["context"].update(patientId="x" * 65), "context.patientId"),
            (lambda body: body["context"].update(draftOrders=[]), "context.draftOrders"),
            (
                lambda body: body["context"]["draftOrders"]["entry"][0]["resource"].pop("code"),
                "context.draftOrders",
            ),
            (
                lambda body: body["context"]["draftOrders"]["entry"][0]["resource"].update(code={"text": "胸\0部"}),
                "context.draftOrders",
            ),
        ],
    )
    def test_are_named(self, quick, change, field):
        body = hook_call("胸部CT平扫")
        change(body)
        answer = quick.post(SIGN, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert "胸" not in answer.text

    def test_half_a_character_is_named_too(self, quick):
        body = json.dumps(hook_call("HALF")).replace("HALF", "\\ud800")
        answer = quick.post(SIGN, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["field"]) == (422, "context.draftOrders")

    @pytest.mark.parametrize("card", ["x\0", "", "x" * 65])
    def test_a_card_that_can_be_none(self, quick, card):
        said = {"feedback": [{"card": card, "outcome": "overridden"}]}
        assert quick.post(f"{SIGN}/feedback", json=said).status_code == 422

    def test_a_long_name_of_a_doctor_costs_no_reminder(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        body = hook_call("胸部CT平扫")
        body["context"]["userId"] = "Practitioner/" + "9" * 100
        assert quick.post(SIGN, json=body).json()["cards"]

    def test_an_unknown_service(self, quick):
        assert quick.post("/cds-services/nothing", json=hook_call("胸部CT")).status_code == 404
        assert quick.post("/cds-services/nothing/feedback", json={"feedback": []}).status_code == 422

    @pytest.mark.parametrize(
        "resource",
        [
            {"code": {"coding": [{"code": "CT001", "display": "胸部CT平扫"}]}},
            {"code": {"concept": {"text": "胸部CT平扫"}}},
        ],
    )
    def test_other_ways_to_name_an_item_are_read(self, clinic, quick, resource):
        examined_elsewhere(clinic, study="b")
        body = hook_call("胸部CT平扫")
        body["context"]["draftOrders"]["entry"][0]["resource"].update(resource)
        assert len(quick.post(SIGN, json=body).json()["cards"]) == 1


class TestReminder:
    @pytest.mark.clause("R2.6")
    @pytest.mark.clause("R6.2")
    def test_of_two_parts_the_examined_one_is_found_with_images_and_report_one_click_away(self, hospital, his):
        examined_elsewhere(hospital, study="b")
        (card,) = cards(his, "胸部+上腹部CT平扫")
        assert card["summary"] == f"相同项目：{ELSEWHERE} 2026-02-25 已做 胸部CT平扫"
        assert card["indicator"] == "warning"
        assert len(card["overrideReasons"]) == 6
        (row,) = rows(hospital, OrderItemRow)
        assert [(part["body_part"], part["level"]) for part in row.parts] == [("胸部", "same"), ("上腹部", "none")]
        assert all(part["standard_code"] for part in row.parts)

        doctor = hospital.browser()
        opened = follow(doctor, card)
        assert (opened.status_code, opened.headers["location"]) == (303, "/r")
        screen = doctor.get("/api/patient/first-screen").json()
        assert screen["study"]["study_instance_uid"] == study_uid("b")
        assert screen["report"]["exam_item"] == "胸部CT平扫"
        assert screen["history_count"] == 0

    def test_accepting_cancels_an_order_that_was_examined_whole(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (suggestion,) = cards(quick, "胸部CT平扫")[0]["suggestions"]
        (action,) = suggestion["actions"]
        assert (action["type"], action["resourceId"]) == ("delete", "ServiceRequest/req-1")

    def test_accepting_never_cancels_a_part_that_nobody_examined(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (suggestion,) = cards(quick, "胸部+上腹部CT平扫")[0]["suggestions"]
        assert "actions" not in suggestion
        assert suggestion["label"].endswith("CT上腹部平扫")

    def test_what_a_doctor_opens_is_no_more_than_that_study(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        examined_elsewhere(clinic, study="b2", item="头颅CT平扫")
        doctor = clinic.browser()
        (card,) = cards(quick, "胸部CT平扫")
        follow(doctor, card)
        assert doctor.get("/api/patient/consents").status_code == 403
        assert doctor.post("/api/patient/shares", json={"study": study_uid("b"), "expires_days": 7}).status_code == 403
        assert doctor.get(f"/api/patient/studies/{study_uid('b2')}/manifest").status_code == 404

    def test_the_window_ends_with_its_last_day(self, clinic, quick):
        examined_elsewhere(clinic, study="b", on="20260131")  # NOW is 2026-03-02
        assert cards(quick, "胸部CT平扫")[0]["summary"].startswith("相同项目")
        clinic.clock.forward(days=1)
        (card,) = cards(quick, "胸部CT平扫")
        assert card["summary"].startswith("相关部位")
        assert "overrideReasons" not in card
        assert "suggestions" not in card

    def test_an_emergency_is_told_and_not_asked(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (card,) = cards(quick, "胸部CT平扫", encounter="EMER")
        assert card["indicator"] == "info"
        assert "overrideReasons" not in card
        assert card["links"]

    def test_words_of_another_system_stay_words(self, clinic, quick):
        examined_elsewhere(clinic, study="b", item="胸部CT平扫[x](http://bad)")
        (card,) = cards(quick, "胸部CT平扫")
        assert "](" not in card["detail"].replace("\\]\\(", "")

    def test_selecting_and_signing_are_one_record_with_one_link(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (first,) = cards(quick, "胸部CT平扫", hook="order-select", selections=["ServiceRequest/req-1"])
        (second,) = cards(quick, "胸部CT平扫")
        assert (first["uuid"], first["links"]) == (second["uuid"], second["links"])
        assert first["extension"] == second["extension"]
        assert [row.channel for row in rows(clinic, OrderReceiptRow)] == ["order-select", "order-sign"]
        clinic.clock.forward(hours=5)
        assert cards(quick, "胸部CT平扫")[0]["uuid"] != first["uuid"]

    def test_one_id_ties_check_view_decision_and_receipt(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (card,) = cards(quick, "胸部CT平扫")
        view_record_id = card["extension"]["mingying.view_record_id"]
        follow(clinic.browser(), card)
        assert quick.post(f"{SIGN}/feedback", json=accepted(card)).status_code == 200
        assert [row.view_record_id for row in rows(clinic, OrderCheckRow)] == [view_record_id]
        assert [row.view_record_id for row in rows(clinic, OrderReceiptRow)] == [view_record_id]
        (view,) = events(clinic, "prior_exam.opened")
        assert (view.detail["view_record_id"], view.actor_kind) == (view_record_id, "doctor")
        assert [row.object_id for row in events(clinic, "order.decided")] == [view_record_id]
        assert [row.object_id for row in events(clinic, "order.checked")] == [view_record_id]


class TestLinksToPriorExams:
    def test_end(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (card,) = cards(quick, "胸部CT平扫")
        clinic.clock.forward(hours=13)
        answer = follow(clinic.browser(), card)
        assert (answer.status_code, answer.json()["code"]) == (404, "prior_link_ended")

    def test_end_when_they_are_revoked(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        (card,) = cards(quick, "胸部CT平扫")
        doctor = clinic.browser()
        assert follow(doctor, card).status_code == 303
        with clinic.services.database.writing() as session:
            link = session.scalars(select(LinkRow).where(LinkRow.kind == "doctor")).one()
            revoke_link(session, link.link_id, clinic.clock())
        assert doctor.get("/api/patient/first-screen").status_code == 401
        assert follow(clinic.browser(), card).status_code == 404

    def test_open_nothing_under_another_record(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        url = cards(quick, "胸部CT平扫")[0]["links"][0]["url"]
        record, token = url.split("/")[-2:]
        other = url.replace(record, "0" * 32)
        assert clinic.browser().get(other, follow_redirects=False).status_code == 404
        patients_own = url.replace(token, clinic.token(study_uid("study")))
        assert clinic.browser().get(patients_own, follow_redirects=False).status_code == 404


class TestDecision:
    @pytest.fixture
    def card(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        return cards(quick, "胸部CT平扫")[0]

    def decide(self, his, body):
        return his.post(f"{SIGN}/feedback", json=body)

    def test_repeating_without_a_reason_is_refused(self, clinic, quick, card):
        answer = self.decide(quick, overridden(card))
        assert (answer.status_code, answer.json()["code"]) == (422, "repeat_reason_needed")
        assert [row.decision for row in rows(clinic, OrderItemRow)] == [None]

    @pytest.mark.parametrize("comment", [None, "", "  "])
    def test_other_needs_words(self, quick, card, comment):
        assert self.decide(quick, overridden(card, "other", comment)).status_code == 422

    def test_a_seventh_reason_and_too_many_words_are_refused(self, quick, card):
        assert self.decide(quick, overridden(card, "because")).status_code == 422
        assert self.decide(quick, overridden(card, "other", "长" * 201)).status_code == 422

    def test_accepting_names_the_suggestion(self, quick, card):
        body = accepted(card)
        body["feedback"][0]["acceptedSuggestions"] = []
        assert self.decide(quick, body).status_code == 422

    def test_a_card_nobody_got_leaves_everything_as_it_was(self, clinic, quick, card):
        both = overridden(card, "emergency")["feedback"] + overridden({"uuid": "none"}, "emergency")["feedback"]
        answer = self.decide(quick, {"feedback": both})
        assert (answer.status_code, answer.json()["code"]) == (404, "card_unknown")
        assert [row.decision for row in rows(clinic, OrderItemRow)] == [None]

    @pytest.mark.parametrize("reason", list(RepeatReason))
    def test_each_of_the_six_reasons_is_kept(self, clinic, quick, card, reason):
        assert self.decide(quick, overridden(card, reason, "说明")).status_code == 200
        (row,) = rows(clinic, OrderItemRow)
        assert (row.decision, row.reason, row.comment) == ("repeat", reason, "说明")
        (event,) = events(clinic, "order.decided")
        assert event.detail["reason"] == reason
        assert "说明" not in str(event.detail)

    def test_accepting_is_kept_and_ends_the_asking(self, clinic, quick, card):
        assert self.decide(quick, accepted(card)).status_code == 200
        assert [row.decision for row in rows(clinic, OrderItemRow)] == ["accept"]
        (again,) = cards(quick, "胸部CT平扫")
        assert again["indicator"] == "info"
        assert "overrideReasons" not in again


class TestOtherPlaces:
    OPENING: ClassVar = {"institution_code": "P9", "examination_id": "X1"}
    EXAM = ElsewhereExam("X1", "P9", "演示市医院", "胸部CT平扫", date(2026, 2, 20), "final", OPENING)

    def test_a_platforms_examination_is_shown_with_its_address(self, clinic, quick):
        platform = Platform(exams=[self.EXAM])
        connect(clinic, platform)
        (card,) = cards(quick, "胸部+上腹部CT平扫")
        assert "演示市医院" in card["summary"]
        assert sorted(item.body_part for _, items in platform.asked for item in items) == ["上腹部", "胸部"]
        assert "测试" not in repr(platform.asked)
        opened = follow(clinic.browser(), card)
        assert (opened.status_code, opened.headers["location"]) == (303, "https://p.test/X1")
        (view,) = events(clinic, "prior_exam.opened")
        assert view.detail["view_record_id"] == card["extension"]["mingying.view_record_id"]

    def test_what_cannot_be_opened_from_here_is_not_linked(self, clinic, quick):
        exam = ElsewhereExam("X1", "P9", "", "胸部CT平扫", date(2026, 2, 20), "final")
        connect(clinic, Platform(exams=[exam]))
        assert cards(quick, "胸部CT平扫")[0]["links"] == []

    def test_an_examination_elsewhere_opens_with_its_cards_token_and_for_a_while(self, clinic, quick):
        platform = Platform(exams=[self.EXAM])
        connect(clinic, platform)
        (card,) = cards(quick, "胸部CT平扫")
        path = urlsplit(card["links"][0]["url"]).path
        guessed = path.rsplit("/", 1)[0] + "/" + "A" * 27
        assert clinic.browser().get(guessed, follow_redirects=False).status_code == 404
        platform.fault = PlatformUnreachable("gone")
        silent = follow(clinic.browser(), card)
        assert (silent.status_code, silent.json()["code"]) == (503, "elsewhere_silent")
        clinic.clock.forward(hours=13)
        assert follow(clinic.browser(), card).status_code == 404
        assert events(clinic, "prior_exam.opened") == []

    def test_one_that_is_held_here_too_is_shown_once(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        exam = ElsewhereExam(study_uid("b"), ELSEWHERE, "", "胸部CT平扫", date(2026, 2, 25), "final")
        connect(clinic, Platform(exams=[exam]))
        assert cards(quick, "胸部CT平扫")[0]["detail"].count("\n") == 0

    def test_a_dead_platform_is_said_and_the_index_here_still_answers(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        connect(clinic, Platform(fault=ConnectionError("refused")))
        found, said = cards(quick, "胸部CT平扫")
        assert found["links"]
        assert "无法访问" in said["summary"]
        assert [row.elsewhere for row in rows(clinic, OrderReceiptRow)] == ["failed"]

    def test_a_slow_platform_does_not_hold_up_the_order(self, clinic, quick):
        examined_elsewhere(clinic, study="b")
        released = threading.Event()
        connect(clinic, Platform(exams=[self.EXAM], until=released), seconds=0.2)
        try:
            began = time.monotonic()
            found, said = cards(quick, "胸部CT平扫")
            assert time.monotonic() - began < 20  # the platform would hold it for thirty
        finally:
            released.set()
        assert found["links"]
        assert "未及时应答" in said["summary"]
        assert [row.elsewhere for row in rows(clinic, OrderReceiptRow)] == ["late"]

    def test_without_an_id_number_nobody_is_asked_and_that_is_said(self, clinic, quick):
        clinic.hl7(hl7.adt_a04(patient_id="NOID", name="测试无号", id_number=""))
        platform = Platform(exams=[self.EXAM])
        connect(clinic, platform)
        (card,) = cards(quick, "胸部CT平扫", patient_id="NOID")
        assert "没有登记身份证号" in card["summary"]
        assert platform.asked == []


class TestDiscovery:
    def test_lists_both_services_to_anyone(self, clinic):
        services = clinic.browser().get("/cds-services").json()["services"]
        assert {item["id"]: item["hook"] for item in services} == {
            "duplicate-exam-select": "order-select",
            "duplicate-exam-sign": "order-sign",
        }

    def test_a_key_for_other_things_orders_nothing(self, clinic):
        browser = clinic.browser()
        browser.headers.update(clinic.machine_key("print"))
        assert browser.post(SIGN, json=hook_call("胸部CT")).status_code == 403
