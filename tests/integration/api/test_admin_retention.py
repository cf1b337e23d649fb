"""Holds and disposal over HTTP: one administrator proposes, another approves, the worker carries out, all is audited."""

import json
import os
from datetime import timedelta

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import Result

from api.accounts.roles import Role
from api.audit.record import Actor
from api.backup.create import create_backup
from api.backup.restore import restore_backup
from api.db.metadata import all_metadata
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import DISPOSE
from api.processes.upkeep import UpkeepBusy, upkeep
from api.settings import Settings
from api.wiring import build_services
from api.workflows.retention import compact, run_plan
from imaging_core.index.tables import InstanceRow
from imaging_core.ingest.reindex import reindex
from imaging_core.retention.tables import DisposedStudyRow
from tests.builders.command_line import invoke
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import SmallHospital
from tests.builders.staff import PASSWORD, enrol, new_account, sign_in, signed_in

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

    def test_no_table_names_it_any_more_but_those_that_must_tell_of_it(self, old, maker, checker):
        plan = made(maker)
        approved(checker, plan)
        carried_out(old, plan)
        with old.services.database.reading() as session:
            naming = {
                table.name
                for metadata in all_metadata()
                for table in metadata.sorted_tables
                if "study_instance_uid" in table.c
                and session.execute(select(table).where(table.c.study_instance_uid == STUDY)).first()
            }
        assert naming == {"changes", "disposal_plan_studies", "disposed_studies"}

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

    def test_a_backup_after_compaction_holds_and_brings_back_what_is_left(self, old, maker, checker, tmp_path):
        plan = made(maker)
        approved(checker, plan)
        carried_out(old, plan)
        old.images(ct_series(2, study="kept", patient_id="TEST0001", study_date=f"{old.clock():%Y%m%d}"))
        services = old.services
        services.blobs.close()
        for segment in (services.settings.data / "blobs/segments").glob("*.segment"):
            os.utime(segment, (0, 0))
        done = compact(services, share=0, kept=timedelta(0))
        assert (done.rewritten, done.deleted, done.freed_bytes > 0) == (1, 1, True)

        def quiet(_done: int, _known: int) -> None:
            pass

        made_backup = create_backup(services, tmp_path / "backup", progress=quiet)
        assert (made_backup.blobs, made_backup.absent) == (2, ())
        keys = services.settings.data / "keys.json"
        restore_backup(tmp_path / "backup", tmp_path / "again", keys=keys, name=None, progress=quiet)
        again = build_services(Settings.load(tmp_path / "again"))
        with again.database.reading() as session:
            rows = session.scalars(select(InstanceRow)).all()
            assert [sum(map(len, again.blobs.read(again.blob_ref(row)))) for row in rows] == [
                row.blob_size for row in rows
            ]
            assert len(session.scalars(select(DisposedStudyRow)).all()) == 1
        assert len(list(again.blobs.instances())) == 2
        again.close()


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


class TestCommandLine:
    """Two people at one shell: each proves to be who decides."""

    @pytest.fixture
    def run(self, hospital: SmallHospital, monkeypatch: pytest.MonkeyPatch):
        settings = hospital.services.settings
        monkeypatch.setenv("MINGYING_DATA", str(settings.data))
        monkeypatch.setenv("MINGYING_DATABASE_URL", settings.database)
        monkeypatch.setenv("MINGYING_REDIS_URL", str(settings.redis_url))
        monkeypatch.setenv("MINGYING_HOSPITAL__INSTITUTION_CODE", hospital.institution_code)
        people: dict[str, pyotp.TOTP] = {}

        def run(*arguments: str, by: Role | None = None, password: str = PASSWORD) -> Result:
            environment = {}
            if by is not None:
                if by not in people:
                    login = new_account(hospital, by, login=by.replace("_", "-"), password=PASSWORD)
                    browser = hospital.browser()
                    sign_in(browser, login, PASSWORD)
                    people[by] = enrol(browser, hospital)
                    hospital.services.redis.flushdb()
                hospital.services.redis.flushdb()  # the code of this half minute was used a moment ago
                environment = {"MINGYING_PASSWORD": password, "MINGYING_CODE": people[by].now()}
                arguments = (*arguments, "--by", by.replace("_", "-"))
            return invoke(["retention", *arguments, "--json"], environment=environment)

        return run

    def test_one_plans_another_approves_and_it_is_carried_out(self, hospital: SmallHospital, run):
        hospital.images(ct_series(2, study="ancient", patient_id="TEST9999", study_date="19900101"))
        plan = json.loads(run("plan", by=Role.SYSTEM_ADMINISTRATOR).stdout)
        assert (plan["state"], plan["studies"], plan["instances"]) == ("proposed", 1, 2)
        key = plan["plan_key"]
        assert "plan is proposed" in run("run", key).stderr
        own = run("approve", key, "--content", plan["content_digest"], by=Role.SYSTEM_ADMINISTRATOR)
        assert (own.exit_code, "role" in own.stderr) == (1, True)
        wrong = run("approve", key, "--content", plan["content_digest"], by=Role.SECURITY_ADMINISTRATOR, password="x")
        assert (wrong.exit_code, "password" in wrong.stderr) == (1, True)
        approval = run("approve", key, "--content", plan["content_digest"], by=Role.SECURITY_ADMINISTRATOR)
        assert json.loads(approval.stdout)["state"] == "approved"
        done = json.loads(run("run", key).stdout)
        assert (done["state"], done["disposed"], done["dropped"]) == ("done", 1, 0)
        certificate = json.loads(run("list", "--plan", key).stdout)
        [stone] = certificate["tombstones"]
        assert (stone["study_instance_uid"], len(stone["instances"])) == (study_uid("ancient"), 2)
        assert json.loads(run("list").stdout)["plans"][0]["plan_key"] == key
        freed = json.loads(run("compact", "--share", "0", "--at-once").stdout)
        assert freed["damaged"] == []

    def test_a_hold_keeps_it_out_of_every_plan(self, hospital: SmallHospital, run):
        hospital.images(ct_series(1, study="ancient", patient_id="TEST9999", study_date="19900101"))
        held = run("hold", "--study", study_uid("ancient"), "--reason", "诉讼", by=Role.SYSTEM_ADMINISTRATOR)
        assert held.exit_code == 0, held.output
        assert "no study is past its term" in run("plan", by=Role.SYSTEM_ADMINISTRATOR).stderr
        key = json.loads(held.stdout)["hold_key"]
        assert run("release", key, "--reason", "结案", by=Role.SECURITY_ADMINISTRATOR).exit_code == 0
        assert run("plan", by=Role.SYSTEM_ADMINISTRATOR).exit_code == 0
        assert run("hold", "--reason", "诉讼", by=Role.SYSTEM_ADMINISTRATOR).exit_code == 2
