"""The auditor's page over HTTP: found by who, what, when and study; exported without formulas; proved."""

import csv
import io
from datetime import timedelta

import pytest

from api.accounts.roles import Role
from api.audit.chain import seal_pending
from api.audit.record import Actor, record
from api.db.tables import AuditEventRow
from tests.builders.dicom import study_uid
from tests.builders.staff import new_account, sign_in, signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.3")]

AUDIT = "/api/admin/audit"


@pytest.fixture
def auditor(clinic):
    return signed_in(clinic, [Role.AUDITOR])


def note(hospital, action: str, **event) -> None:
    code = hospital.services.settings.hospital.institution_code
    actor = Actor(event.pop("actor_kind", "machine"), event.pop("actor", "key:7"), code)
    event = {"object_kind": "thing", "object_id": "thing-1", "now": hospital.clock(), **event}
    with hospital.services.database.writing() as session:
        record(session, actor, action, **event)


def seal(hospital) -> None:
    with hospital.services.database.writing() as session:
        hospital.services.audit_anchor.remember(seal_pending(session, hospital.services.keys.audit)[1])


def actions(browser, **wanted: str) -> list[str]:
    answer = browser.get(AUDIT, params=wanted)
    assert answer.status_code == 200, answer.text
    return [event["action"] for event in answer.json()["events"]]


class TestSearch:
    def test_by_who_what_outcome_and_when(self, hospital):
        auditor = signed_in(hospital, [Role.AUDITOR])
        login = new_account(hospital, Role.DOCTOR)
        sign_in(hospital.browser(), login)
        note(hospital, "key.issued", outcome="failed")
        hospital.clock.forward(minutes=20)
        note(hospital, "key.revoked")
        later = (hospital.clock() - timedelta(minutes=5)).isoformat()
        assert actions(auditor, who=login.upper(), kind="staff") == ["staff.signed_in"]
        assert actions(auditor, who="key:7") == ["key.revoked", "key.issued"]
        assert actions(auditor, outcome="failed") == ["key.issued"]
        assert actions(auditor, since=later, kind="key") == ["key.revoked"]
        assert actions(auditor, until=later, kind="key") == ["key.issued"]
        assert actions(auditor, kind="ke") == actions(auditor, who="nobody") == []

    def test_by_study_in_whatever_it_was_named(self, hospital):
        auditor = signed_in(hospital, [Role.AUDITOR])
        study = study_uid("study")
        note(hospital, "report.printed", object_kind="report", object_id=hospital.report_id(study))
        note(hospital, "download.created", object_kind="download", detail={"study": study})
        note(hospital, "images.viewed", object_kind="study", object_id=study)
        note(hospital, "images.viewed", object_kind="study", object_id=study + "1")
        found = actions(auditor, study="ACC0001")
        assert set(found) >= {"report.printed", "download.created", "images.viewed"}
        assert found.count("images.viewed") == 1
        assert actions(auditor, study=study) == found
        assert actions(auditor, study="ACC9999") == []

    def test_names_accounts_in_words_and_says_what_is_sealed(self, clinic, auditor):
        login = new_account(clinic, Role.DOCTOR)
        sign_in(clinic.browser(), login)
        [event] = auditor.get(AUDIT, params={"who": login, "kind": "staff"}).json()["events"]
        assert (event["actor"], event["action_name"], event["link"]) == (f"测试员工（{login}）", "登录", None)
        seal(clinic)
        assert auditor.get(AUDIT, params={"who": login, "kind": "staff"}).json()["events"][0]["link"] > 0

    def test_turns_pages_without_losing_or_repeating_events_of_one_moment(self, hospital):
        auditor = signed_in(hospital, [Role.AUDITOR])
        for number in range(230):
            note(hospital, "key.issued", object_id=str(number))
        seen, before = [], ""
        for _ in range(3):
            answer = auditor.get(AUDIT, params={"kind": "key", "before": before}).json()
            seen += [event["object"] for event in answer["events"]]
            before = answer["next"]
        assert before is None
        assert (len(seen), len(set(seen))) == (230, 230)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"before": "x"},
            {"before": f"yesterday|{'0' * 32}"},
            {"since": "2026-01-01T00:00:00"},
            {"kind": "%"},
            {"who": "\0"},
        ],
    )
    def test_a_wrong_question_is_refused(self, auditor, wrong):
        assert auditor.get(AUDIT, params=wrong).status_code == 422

    def test_reading_the_audit_is_audited(self, auditor):
        actions(auditor, who="王丽", study="ACC0001")
        [event] = auditor.get(AUDIT, params={"kind": "audit"}).json()["events"]
        assert (event["action"], event["detail"]["study"], event["detail"]["who"]) == (
            "audit.searched",
            "ACC0001",
            True,
        )
        assert "王丽" not in str(event)

    @pytest.mark.parametrize("role", [Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.DOCTOR])
    def test_administrators_do_not_read_what_is_written_about_them(self, clinic, role):
        browser = signed_in(clinic, [role])
        refused = [browser.get(AUDIT), browser.get(f"{AUDIT}/export.csv"), browser.post(f"{AUDIT}/verify")]
        assert [answer.status_code for answer in refused] == [403] * 3


class TestExport:
    def test_holds_what_the_search_shows_and_no_formula(self, clinic, auditor):
        note(clinic, "key.issued", object_id='=HYPERLINK("http://evil")', actor="+1", detail={"a": 1})
        answer = auditor.get(f"{AUDIT}/export.csv", params={"kind": "key"})
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
        head, event = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        found = dict(zip(head, event, strict=True))
        assert found["对象"] == '\'=HYPERLINK("http://evil")'
        assert (found["操作者"], found["操作"], found["细节"]) == ("'+1", "发放接口密钥", '{"a": 1}')
        assert actions(auditor, kind="audit")[0] == "audit.exported"

    def test_too_much_is_refused_before_it_begins(self, clinic, auditor, monkeypatch):
        monkeypatch.setattr("api.routes.admin_audit.MOST_EXPORTED", 2)
        for _ in range(3):
            note(clinic, "key.issued")
        refused = auditor.get(f"{AUDIT}/export.csv", params={"kind": "key"})
        assert (refused.status_code, refused.json()["code"]) == (422, "audit_too_many")


@pytest.mark.clause("R5.2")
class TestProof:
    def test_an_untouched_chain_is_whole(self, clinic, auditor):
        seal(clinic)
        proof = auditor.post(f"{AUDIT}/verify").json()
        assert proof["intact"] is True
        assert proof["sealed"] == proof["anchored_at"] > 0

    def test_a_changed_event_shows(self, clinic, auditor):
        note(clinic, "key.issued", object_id="wanted")
        seal(clinic)
        with clinic.services.database.writing() as session:
            session.query(AuditEventRow).filter_by(object_id="wanted").update({"object_id": "other"})
        proof = auditor.post(f"{AUDIT}/verify").json()
        assert (proof["intact"], proof["fault_count"]) == (False, 1)
        assert "was changed" in proof["faults"][0]

    def test_a_forged_anchor_shows(self, clinic, auditor):
        seal(clinic)
        path = clinic.services.audit_anchor._path
        path.write_text("1 " + "0" * 64)
        proof = auditor.post(f"{AUDIT}/verify").json()
        assert (proof["intact"], proof["anchored_at"]) == (False, None)
