"""Holds and disposal over HTTP: one administrator proposes, another approves, the worker carries out, all is audited."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.accounts.roles import Role
from api.audit.record import Actor
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import DISPOSE
from api.processes.upkeep import UpkeepBusy, upkeep
from api.workflows.retention import compact, run_plan
from imaging_core.ingest.reindex import reindex
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import SmallHospital
from tests.builders.staff import signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R5.1")]

PATH = "/api/admin/retention"
STUDY = study_uid("study")


@pytest.fixture
def engine() -> str:
    """The rules are proved on both databases in tests/integration/records."""
    return "sqlite"


@pytest.fixture
def old(hospital: SmallHospital) -> SmallHospital:
    """A hospital whose one study is past every term."""
    hospital.clock.forward(days=31 * 366)
    return hospital


@pytest.fixture
def maker(old: SmallHospital) -> TestClient:
    return signed_in(old, {Role.SYSTEM_ADMINISTRATOR})


@pytest.fixture
def checker(old: SmallHospital) -> TestClient:
    return signed_in(old, {Role.SECURITY_ADMINISTRATOR})


def made(maker: TestClient) -> dict:
    answer = maker.post(f"{PATH}/plans")
    assert answer.status_code == 201, answer.text
    return answer.json()


def approved(checker: TestClient, plan: dict) -> dict:
    answer = checker.post(f"{PATH}/plans/{plan['plan_key']}/approve", json={"content_digest": plan["content_digest"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def carried_out(hospital: SmallHospital, plan: dict) -> None:
    """Do what the worker does."""
    run_plan(hospital.services, plan["plan_key"], Actor("system", "worker", hospital.institution_code))


def events(hospital: SmallHospital) -> list[str]:
    with hospital.services.database.reading() as session:
        actions = session.scalars(select(AuditEventRow.action).order_by(AuditEventRow.at))
        return [action for action in actions if action.startswith("retention.")]


class TestDisposal:
    def test_a_study_past_its_term_is_proposed_approved_by_another_disposed_of_and_proved(self, old, maker, checker):
        plan = made(maker)
        assert (plan["state"], plan["studies"], plan["mine"]) == ("proposed", 1, True)
        [line] = maker.get(f"{PATH}/plans/{plan['plan_key']}").json()["lines"]
        assert (line["study_instance_uid"], line["state"], line["instances"]) == (STUDY, "planned", 3)
        assert "年" in line["why"]
        assert maker.post(f"{PATH}/plans/{plan['plan_key']}/run").json()["code"] == "plan_closed"
        assert approved(checker, plan)["state"] == "approved"
        assert maker.post(f"{PATH}/plans/{plan['plan_key']}/run").status_code == 202
        with old.services.database.reading() as session:
            assert session.scalars(select(WorkRow.subject).where(WorkRow.kind == DISPOSE)).all() == [plan["plan_key"]]
        carried_out(old, plan)
        done = checker.get(f"{PATH}/plans/{plan['plan_key']}").json()
        assert (done["plan"]["state"], done["plan"]["disposed"], done["plan"]["bytes_left"]) == ("done", 1, 0)
        assert done["plan"]["content_digest"] == plan["content_digest"]
        assert done["lines"][0]["state"] == "disposed"
        assert maker.get(PATH, params={"study": STUDY}).json()["studies"] == []
        assert list(old.services.blobs.instances()) == []
        assert {"retention.plan_made", "retention.plan_approved", "retention.study_disposed"} <= set(events(old))

    def test_nobody_who_held_a_link_or_grant_gets_it_any_more(self, old, maker, checker):
        token = old.token(STUDY)
        plan = made(maker)
        approved(checker, plan)
        carried_out(old, plan)
        assert old.browser().post("/api/links/exchange", json={"token": token}).status_code == 404
        reader = signed_in(old, {Role.DOCTOR})
        assert reader.get(f"/api/studies/{STUDY}/manifest").status_code in {403, 404}

    def test_its_maker_cannot_approve_it_nor_one_who_saw_another_content(self, old, maker, checker):
        plan = made(maker)
        seen = {"content_digest": plan["content_digest"]}
        assert maker.post(f"{PATH}/plans/{plan['plan_key']}/approve", json=seen).status_code == 403
        other = checker.post(f"{PATH}/plans/{plan['plan_key']}/approve", json={"content_digest": "0" * 64})
        assert (other.status_code, other.json()["code"]) == (409, "plan_changed")
        assert len(list(old.services.blobs.instances())) == 3

    def test_a_refused_plan_is_closed(self, old, maker, checker):
        plan = made(maker)
        assert maker.post(f"{PATH}/plans").json()["code"] == "nothing_past_term"  # it is in an open plan
        refused = checker.post(f"{PATH}/plans/{plan['plan_key']}/reject", json={"reason": "需要再核对"}).json()
        assert (refused["state"], refused["decision_reason"]) == ("rejected", "需要再核对")
        assert made(maker)["plan_key"] != plan["plan_key"]

    def test_what_comes_again_is_kept_and_noted(self, old, maker, checker):
        plan = made(maker)
        approved(checker, plan)
        carried_out(old, plan)
        old.images(ct_series(3, 16, 16, study="study", patient_id="TEST0001", patient_name="测试患者"))
        old.follow(derive=False)
        [study] = maker.get(PATH, params={"study": STUDY}).json()["studies"]
        assert study["came_again"]
        assert "retention.study_came_again" in events(old)
        services = old.services
        assert reindex(services.blobs, services.ingestor, services.database.reads, change=False).agrees

    def test_a_backup_that_runs_holds_disposal_off(self, old, maker, checker):
        plan = made(maker)
        approved(checker, plan)
        with upkeep(old.services.settings.data), pytest.raises(UpkeepBusy):
            carried_out(old, plan)
        assert len(list(old.services.blobs.instances())) == 3
        carried_out(old, plan)
        assert compact(old.services).damaged == ()


class TestHolds:
    def test_a_held_study_is_in_no_plan_until_another_person_releases_it(self, old, maker, checker):
        [hold] = maker.post(f"{PATH}/holds", json={"study": "ACC0001", "reason": "医疗纠纷"}).json()
        assert (hold["study_instance_uid"], hold["reason"], hold["mine"]) == (STUDY, "医疗纠纷", True)
        assert maker.get(PATH, params={"study": STUDY}).json()["studies"][0]["held"]
        assert maker.post(f"{PATH}/plans").json()["code"] == "nothing_past_term"
        release = f"{PATH}/holds/{hold['hold_key']}/release"
        assert maker.post(release, json={"reason": "结案"}).status_code == 403
        assert checker.post(release, json={"reason": "结案"}).status_code == 204
        assert checker.get(f"{PATH}/holds").json() == []
        assert made(maker)["studies"] == 1

    def test_who_placed_it_cannot_release_it_whatever_his_role(self, old, checker):
        [hold] = checker.post(f"{PATH}/holds", json={"patient_id": "TEST0001", "reason": "司法调取"}).json()
        refused = checker.post(f"{PATH}/holds/{hold['hold_key']}/release", json={"reason": "结案"})
        assert (refused.status_code, refused.json()["code"]) == (403, "same_person")

    @pytest.mark.parametrize(
        "body",
        [
            {"reason": "诉讼"},
            {"study": "ACC0001", "patient_id": "TEST0001", "reason": "诉讼"},
            {"study": "ACC9999", "reason": "诉讼"},
            {"study": "ACC0001", "reason": " "},
            {"study": "ACC\0", "reason": "诉讼"},
        ],
    )
    def test_a_hold_on_nothing_or_without_reason_is_refused(self, maker, body):
        assert maker.post(f"{PATH}/holds", json=body).status_code == 422
