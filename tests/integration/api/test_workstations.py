"""Doctors' desks: they report themselves, administrators see and switch them."""

import csv
import io
from importlib.metadata import version

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import AuditEventRow, MachineKeyRow
from api.workstations import records
from tests.builders.routes import HEARTBEAT
from tests.builders.staff import signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.2"), pytest.mark.clause("R4.5")]

REPORT = "/api/workstations/heartbeat"
DESKS = "/api/admin/workstations"
ON = {"history_reminders": True, "duplicate_reminders": True}


@pytest.fixture
def key(clinic):
    return clinic.machine_key("workstation")


@pytest.fixture
def keeper(clinic):
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


def desk(number: int = 1, **differs) -> dict:
    return {**HEARTBEAT, "workstation": f"{number:032x}", "version": version("mingying"), **differs}


def report(clinic, key, body: dict) -> dict:
    answer = clinic.browser().post(REPORT, json=body, headers=key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def desks(keeper, **wanted: str) -> list[dict]:
    answer = keeper.get(DESKS, params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["workstations"]


def audited(clinic, action: str) -> list[AuditEventRow]:
    with clinic.services.database.reading() as session:
        return list(session.scalars(select(AuditEventRow).where(AuditEventRow.action == action)))


class TestReports:
    def test_the_first_puts_the_desk_on_the_list_and_gets_what_is_switched_on(self, clinic, key, keeper):
        assert report(clinic, key, desk(label="门诊3诊室")) == {
            **ON,
            "newest_version": version("mingying"),
            "next_seconds": records.REPORT_SECONDS,
        }
        [shown] = desks(keeper)
        assert (shown["label"], shown["online"], shown["outdated"]) == ("门诊3诊室", True, False)
        assert len(audited(clinic, "workstation.enrolled")) == 1

    def test_the_same_one_again_changes_what_is_known_and_adds_no_desk(self, clinic, key, keeper):
        report(clinic, key, desk(wakes=3))
        clinic.clock.forward(minutes=2)
        report(clinic, key, desk(wakes=3, label="门诊4诊室"))
        [shown] = desks(keeper)
        assert (shown["label"], shown["wakes"]) == ("门诊4诊室", 3)
        assert shown["first_seen_at"] == shown["last_woken_at"] < shown["last_seen_at"]
        assert len(audited(clinic, "workstation.enrolled")) == 1

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"workstation": "DESK-1"}, "workstation"),
            ({"workstation": "A" * 32}, "workstation"),
            ({"label": "  "}, "label"),
            ({"label": "a\x00b"}, "label"),
            ({"label": "长" * 65}, "label"),
            ({"version": "newest"}, "version"),
            ({"version": "0.1"}, "version"),
            ({"wakes": -1}, "wakes"),
            ({"wakes": 2**40}, "wakes"),
            ({"login": "d001"}, "login"),
        ],
    )
    def test_a_malformed_one_is_refused_by_the_name_of_its_field(self, clinic, key, keeper, wrong, field):
        refused = clinic.browser().post(REPORT, json={**HEARTBEAT, **wrong}, headers=key)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
        assert desks(keeper) == []

    def test_a_stolen_key_cannot_fill_the_table(self, clinic, key, keeper, monkeypatch):
        monkeypatch.setattr(records, "MOST_WORKSTATIONS", 2)
        report(clinic, key, desk(1))
        report(clinic, key, desk(2))
        refused = clinic.browser().post(REPORT, json=desk(3), headers=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "workstation_too_many")
        report(clinic, key, desk(2))
        assert len(desks(keeper)) == 2

    def test_another_institutions_key_neither_sees_nor_moves_a_desk_of_ours(self, clinic, key, keeper):
        report(clinic, key, desk(label="我院"))
        keeper.put(f"{DESKS}/{desk()['workstation']}/switches", json={**ON, "history_reminders": False})
        foreign = clinic.machine_key("workstation")
        with clinic.services.database.writing() as session:
            newest = session.scalars(select(MachineKeyRow).order_by(MachineKeyRow.id.desc())).first()
            newest.institution_code = "12340000OTHER00002"
        assert report(clinic, foreign, desk(label="别院"))["history_reminders"] is True
        [shown] = desks(keeper)
        assert (shown["label"], shown["history_reminders"]) == ("我院", False)


class TestSwitches:
    def test_reach_the_desk_as_it_next_reports_and_say_who_set_them(self, clinic, key, keeper):
        report(clinic, key, desk())
        off = {"history_reminders": False, "duplicate_reminders": True}
        answer = keeper.put(f"{DESKS}/{desk()['workstation']}/switches", json=off)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["switched_by"], answer.json()["history_reminders"]) == ("测试员工", False)
        assert answer.json()["switched_at"] is not None
        assert off.items() <= report(clinic, key, desk()).items()
        [event] = audited(clinic, "workstation.switches_set")
        assert (event.actor_kind, event.detail) == ("staff", {"before": ON, "now": off})

    def test_of_an_unknown_desk_are_not_found(self, keeper):
        assert keeper.put(f"{DESKS}/{'e' * 32}/switches", json=ON).status_code == 404
        assert keeper.put(f"{DESKS}/none/switches", json=ON).status_code == 422

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"history_reminders": True}, "duplicate_reminders"),
            ({**ON, "history_reminders": "perhaps"}, "history_reminders"),
            ({**ON, "cards": False}, "cards"),
        ],
    )
    def test_are_both_named_and_nothing_else(self, clinic, key, keeper, body, field):
        report(clinic, key, desk())
        refused = keeper.put(f"{DESKS}/{desk()['workstation']}/switches", json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field)


class TestList:
    def test_tells_desks_that_fell_silent_and_old_versions(self, clinic, key, keeper):
        report(clinic, key, desk(1, label="内科1", version="0.0.9"))
        clinic.clock.forward(minutes=6)
        report(clinic, key, desk(2, label="内科2"))
        report(clinic, key, desk(3, label="外科1", version="10.0.0"))

        def names(**wanted: str) -> list[str]:
            return [found["label"] for found in desks(keeper, **wanted)]

        assert names() == ["内科1", "内科2", "外科1"]
        assert names(condition="online") == ["内科2", "外科1"]
        assert names(condition="offline") == names(condition="outdated") == ["内科1"]
        assert names(q="外科") == ["外科1"]
        assert names(q="内科", condition="online") == ["内科2"]
        assert keeper.get(DESKS, params={"condition": "broken"}).status_code == 422

    def test_is_exported_without_formulas_and_says_so_in_the_audit(self, clinic, key, keeper):
        report(clinic, key, desk(label="=1+1", version="0.0.9", os="Windows 11"))
        answer = keeper.get(f"{DESKS}/export.csv", params={"condition": "outdated"})
        head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        shown = dict(zip(head, row, strict=True))
        assert shown["工作站"] == "'=1+1"
        assert (shown["状态"], shown["版本提示"], shown["历史检查提醒"]) == ("在线", "不是最新", "开启")
        assert [event.detail for event in audited(clinic, "workstation.exported")] == [{"workstations": 1}]
