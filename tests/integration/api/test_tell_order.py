# mypy: disable-error-code="union-attr"
# Rows that a test has just made are there; a missing one fails the test at the same line.
"""Every saved order and every decision reaches the regional platform: once, whenever it can be reached."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import TELL_ORDER
from api.receivers import answer_hl7
from api.worker import WorkerProcess
from api.workflows.check_order_cards import suggestion_id
from api.workflows.tell_order import State, owe_incomplete_orders, tell_order
from imaging_core.interop.regional import PlatformUnreachable
from imaging_core.interop.regional.tables import OrderTellingRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.tables import OrderCheckRow
from tests.builders import hl7
from tests.builders.hospital import SmallHospital, small_hospital
from tests.builders.orders import hook_call, orm
from tests.builders.region import OURS, PERSON, THEIRS, RunningPlatform, registration, running_platform, secret_of
from tests.builders.servers import until
from tests.builders.staff import signed_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("regional platform"),
    pytest.mark.clause("R2.6"),
    pytest.mark.clause("R6.2"),
]

SELECT, SIGN = "/cds-services/duplicate-exam-select", "/cds-services/duplicate-exam-sign"


@pytest.fixture(scope="module")
def one_platform(tmp_path_factory) -> Iterator[RunningPlatform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture
def platform(one_platform) -> RunningPlatform:
    """A platform that knows one chest CT of the patient, made at another hospital."""
    one_platform.clear()
    one_platform.seen_by(THEIRS).register(registration())
    return one_platform


@pytest.fixture
def connected(tmp_path, sqlite_url, redis_url, redis, platform) -> Iterator[SmallHospital]:
    """A hospital where the patient is registered, connected to the platform."""
    opened = small_hospital(
        tmp_path / "data",
        database_url=sqlite_url,
        redis_url=redis_url,
        hospital={"institution_code": OURS},
        platform={
            "url": platform.url,
            "key": f"key-{OURS}",
            "secret": secret_of(OURS),
            "seconds": 2,
        },
        reminders={"window_days": 3650, "platform_seconds": 2},
    )
    opened.clock.now = datetime.now(UTC)  # the platform has a clock of its own
    opened.hl7(hl7.adt_a04(patient_id="P1", name=PERSON.name, id_number=PERSON.id_number))
    yield opened
    opened.services.close()


class His:
    """What signs orders and reports decisions."""

    def __init__(self, hospital: SmallHospital) -> None:
        self.browser, self.key = hospital.browser(), hospital.machine_key("orders")

    def order(self, *names: str, path: str = SIGN, patient_id: str = "P1") -> list[dict]:
        hook = "order-sign" if path == SIGN else "order-select"
        selections = [f"ServiceRequest/req-{n}" for n in range(1, len(names) + 1)] if path == SELECT else None
        body = hook_call(*names, hook=hook, patient_id=patient_id, selections=selections)
        answer = self.browser.post(path, json=body, headers=self.key)
        assert answer.status_code == 200, answer.text
        return answer.json()["cards"]

    def decide(self, card: dict, **decision) -> None:
        said = {"card": card["uuid"], **decision}
        answer = self.browser.post(f"{SIGN}/feedback", json={"feedback": [said]}, headers=self.key)
        assert answer.status_code == 200, answer.text

    def accept(self, card: dict) -> None:
        self.decide(card, outcome="accepted", acceptedSuggestions=[{"id": suggestion_id(card["uuid"])}])

    def repeat(self, card: dict, code: str, comment: str = "") -> None:
        reason = {"reason": {"code": code}, "userComment": comment}
        self.decide(card, outcome="overridden", overrideReason=reason)


@pytest.fixture
def his(connected) -> His:
    return His(connected)


def tell(hospital: SmallHospital) -> OrderTellingRow:
    """Do the job; return what the table says afterwards."""
    row = telling(hospital)
    tell_order(hospital.services, institution_code=row.institution_code, view_record_id=row.view_record_id)
    return telling(hospital)


def telling(hospital: SmallHospital) -> OrderTellingRow:
    with hospital.services.database.reading() as session:
        return session.scalars(select(OrderTellingRow)).one()


def owed(hospital: SmallHospital) -> list[str]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(WorkRow.subject).where(WorkRow.kind == TELL_ORDER)))


def receipts(platform: RunningPlatform) -> dict[str, list[dict]]:
    return {row["view_record_id"]: json.loads(row["projects"]) for row in platform.state()["receipts"]}


class TestAnOrder:
    def test_that_is_only_selected_is_nothing_to_tell(self, connected, his):
        his.order("胸部CT平扫", path=SELECT)
        assert owed(connected) == []

    def test_is_owed_when_signed_and_told_with_one_record_throughout(self, connected, his, platform):
        his.order("胸部CT平扫", path=SELECT)
        (card,) = his.order("胸部CT平扫")
        record = card["extension"]["mingying.view_record_id"]
        assert (owed(connected), telling(connected).state) == ([record], State.WAITING)
        assert receipts(platform) == {}
        assert tell(connected).state == State.TOLD
        state = platform.state()
        assert {row["view_record_id"] for row in state["records"]} == {record}
        assert [row["view_record_id"] for row in state["notices"]] == [record]
        (item,) = receipts(platform)[record]
        assert (item["proj_name"], item["chk_modality"]) == ("胸部CT平扫", "CT")
        assert "is_recognized" not in item

    def test_of_which_nothing_is_known_is_told_too(self, connected, his, platform):
        assert his.order("颅脑MRI平扫") == []
        tell(connected)
        assert [items[0]["proj_name"] for items in receipts(platform).values()] == ["颅脑MRI平扫"]

    def test_of_several_parts_is_told_as_single_items(self, connected, his, platform):
        his.order("胸部+上腹部CT平扫")
        tell(connected)
        (items,) = receipts(platform).values()
        assert [item["proj_name"] for item in items] == ["胸部CT平扫", "上腹部CT平扫"]

    def test_over_hl7_is_told_likewise(self, connected, platform):
        message = orm("胸部CT平扫", patient_id="P1", name=PERSON.name)
        assert b"MSA|AA" in answer_hl7(connected.services, message)
        tell(connected)
        assert len(receipts(platform)) == 1

    def test_opens_the_examination_elsewhere_under_the_same_record(self, connected, his):
        (card,) = his.order("胸部CT平扫")
        answer = his.browser.get(urlsplit(card["links"][0]["url"]).path, follow_redirects=False)
        assert answer.status_code == 303
        with connected.services.database.reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "prior_exam.opened")).one()
        assert event.detail["view_record_id"] == card["extension"]["mingying.view_record_id"]

    def test_of_a_patient_without_id_number_is_told_once_there_is_one(self, connected, his, platform):
        connected.hl7(hl7.adt_a04(patient_id="P2", name="测试乙某", id_number=""))
        his.order("胸部CT平扫", patient_id="P2")
        row = tell(connected)
        assert (row.state, row.reason, receipts(platform)) == (State.INCOMPLETE, "no_id_number", {})
        connected.hl7(hl7.adt_a04(patient_id="P2", name="测试乙某", id_number=hl7.ID_NUMBER))
        services = connected.services
        with services.database.writing() as session:
            patient = session.scalars(select(PatientRow).where(PatientRow.patient_id == "P2")).one()
            owe_incomplete_orders(services, session, patient, services.clock())
        assert tell(connected).state == State.TOLD
        assert len(receipts(platform)) == 1


class TestADecision:
    def test_to_take_the_result_follows_under_the_same_record(self, connected, his, platform):
        (card,) = his.order("胸部CT平扫")
        tell(connected)
        his.accept(card)
        assert telling(connected).state == State.WAITING
        tell(connected)
        (items,) = receipts(platform).values()
        assert items[0]["is_recognized"] is True
        assert len(platform.state()["notices"]) == 1

    @pytest.mark.parametrize("code", ["condition_changed", "other"])
    def test_to_repeat_is_told_with_its_reason(self, connected, his, platform, code):
        (card,) = his.order("胸部CT平扫")
        his.repeat(card, code, "术前复核")
        tell(connected)
        (items,) = receipts(platform).values()
        assert (items[0]["is_recognized"], items[0]["reason_code"]) == (False, code)
        assert items[0]["reason_mark"] == "术前复核"

    def test_taken_back_replaces_the_first_at_the_platform(self, connected, his, platform):
        (card,) = his.order("胸部CT平扫")
        his.accept(card)
        tell(connected)
        his.repeat(card, "emergency")
        tell(connected)
        (items,) = receipts(platform).values()
        assert (items[0]["is_recognized"], items[0]["reason_code"]) == (False, "emergency")

    def test_is_not_sent_again_when_the_platform_has_it(self, connected, his, platform):
        his.order("胸部CT平扫")
        first = tell(connected)
        platform.misbehave("dead")  # it is not even asked
        his.order("胸部CT平扫")  # signed twice
        assert tell(connected).told_at == first.told_at


class TestAPlatformThatFails:
    @pytest.mark.parametrize("fault", ["dead", "error", "unsigned", "skewed"])
    def test_holds_up_no_order_and_gets_it_later_once(self, connected, his, platform, fault):
        platform.misbehave(fault)
        (card,) = his.order("胸部CT平扫")
        assert "uuid" not in card  # it only says that the platform could not be asked
        with pytest.raises(PlatformUnreachable):
            tell(connected)
        row = telling(connected)
        assert (row.state, row.attempts, row.content_digest) == (State.WAITING, 1, "")
        platform.misbehave("none")
        row = tell(connected)
        assert (row.state, row.attempts, row.reason) == (State.TOLD, 0, "")
        assert list(receipts(platform)) == [row.view_record_id]
        assert len(platform.state()["notices"]) == 1

    def test_after_it_took_the_receipt_and_before_we_knew_has_one(self, connected, his, platform):
        connected.services.platform.sign_in()
        his.order("胸部CT平扫")
        platform.misbehave("unsigned")  # it keeps what it is told; its answers are not believed
        for _ in range(3):
            with pytest.raises(PlatformUnreachable):
                tell(connected)
        platform.misbehave("none")
        row = tell(connected)
        state = platform.state()
        assert [len(state[kind]) for kind in ("notices", "receipts")] == [1, 1]
        assert {item["view_record_id"] for item in state["records"]} == {row.view_record_id}

    def test_that_refuses_leaves_a_case_for_the_administrator(self, connected, his, platform):
        (card,) = his.order("胸部CT平扫")
        platform.misbehave("refusing")
        row = tell(connected)  # raises nothing: the worker settles it
        assert (row.state, row.reason) == (State.REFUSED, "422")
        keeper = signed_in(connected, [Role.SYSTEM_ADMINISTRATOR])
        (case,) = keeper.get("/api/admin/cases", params={"kind": "refused_by_platform"}).json()["cases"]
        assert (case["subject"], case["patient_id"]) == (f"order {row.view_record_id}", "P1")
        assert "422" in case["reason"]
        platform.misbehave("none")
        his.accept(card)
        assert tell(connected).state == State.TOLD
        assert keeper.get("/api/admin/cases").json()["counts"] == {}

    def test_that_forgot_the_order_is_told_from_the_beginning(self, connected, his, platform):
        (card,) = his.order("胸部CT平扫")
        tell(connected)
        platform.clear()
        his.accept(card)
        assert tell(connected).state == State.REFUSED
        his.repeat(card, "emergency")
        assert tell(connected).state == State.TOLD
        assert len(platform.state()["notices"]) == 1

    def test_for_hours_is_tried_by_the_worker_until_it_answers(self, connected, his, platform):
        platform.misbehave("dead")
        his.order("胸部CT平扫")
        worker = WorkerProcess(connected.services, alone=True)
        worker.start()
        try:
            until(lambda: connected.clock.forward(minutes=10) or telling(connected).attempts >= 3)
            platform.misbehave("none")
            connected.clock.now = datetime.now(UTC)
            with connected.services.database.writing() as session:
                session.scalars(select(WorkRow).where(WorkRow.kind == TELL_ORDER)).one().due_at = connected.clock()
            until(lambda: telling(connected).state == State.TOLD)
        finally:
            worker.stop()
        assert len(receipts(platform)) == 1


class TestAnyCourse:
    """Whatever happens in whatever order: once the platform answers, it has one receipt, and that of the newest."""

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.sampled_from(["sign", "accept", "repeat", "none", "dead", "unsigned", "refusing"]), max_size=8))
    def test_ends_with_the_platform_knowing_the_newest(self, connected, his, platform, course):
        with connected.services.database.writing() as session:
            for row in session.scalars(select(OrderTellingRow)):
                session.delete(row)
            for check in session.scalars(select(OrderCheckRow)):
                check.created_at -= timedelta(hours=5)  # what follows is another order
        (card,) = his.order("胸部CT平扫")
        newest = None
        for step in course:
            if step == "sign":
                his.order("胸部CT平扫")
            elif step in {"accept", "repeat"}:
                newest = step == "accept"
                his.accept(card) if newest else his.repeat(card, "emergency")
            else:
                platform.misbehave(step)
                with contextlib.suppress(PlatformUnreachable):
                    tell(connected)
                platform.misbehave("none")
        his.order("胸部CT平扫")  # a refused one is owed again by what happens to it
        row = tell(connected)
        (item,) = receipts(platform)[row.view_record_id]
        assert (row.state, item.get("is_recognized")) == (State.TOLD, newest)


class TestWithoutAPlatform:
    def test_nothing_is_owed(self, clinic):
        clinic.hl7(hl7.adt_a04(patient_id="P1"))
        His(clinic).order("胸部CT平扫")
        assert owed(clinic) == []
