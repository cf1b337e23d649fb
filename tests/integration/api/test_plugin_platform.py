"""The doctor's plugin and a regional platform that runs as a process of its own."""

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import AuditEventRow
from api.workflows.check_order_platform import PlatformElsewhere
from imaging_core.reminders.elsewhere import BoundedElsewhere
from tests.builders import hl7
from tests.builders.plugin import woken
from tests.builders.region import OURS, PERSON, THEIRS, registration, running_platform
from tests.builders.staff import new_account

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("plugin and platform"),
    pytest.mark.clause("R2.5"),
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        theirs = running.seen_by(THEIRS)
        theirs.register(registration())
        theirs.register(registration("exam-2", modality="US", item="腹部彩超", item_code="US-ABD"))
        theirs.register(registration("exam-3", modality="OT", item="无痛胃镜检查", item_code="ES-1"))
        yield running


@pytest.fixture
def browser(clinic, platform):
    """The plugin of a doctor before the person whom the platform knows."""
    asked = BoundedElsewhere(PlatformElsewhere(platform.seen_by(OURS)), seconds=10)
    clinic.services.__dict__["elsewhere"] = asked
    clinic.load(patient_id="P1", accession_number="ACC0009", study="own", name=PERSON.name, id_number=PERSON.id_number)
    yield woken(clinic, new_account(clinic, Role.DOCTOR), patient_id="P1")
    platform.misbehave("none")
    asked.close()


def by_label(patient):
    return {kind["label"]: [exam["item"] for exam in kind["examinations"]] for kind in patient["kinds"]}


class TestPlatform:
    @pytest.mark.parametrize("fault", ["error", "garbage", "tampered", "refusing"])
    def test_that_answers_wrongly_is_said_and_the_own_list_stands(self, platform, browser, fault):
        platform.misbehave(fault)
        patient = browser.get("/api/plugin/patient").json()
        assert (patient["elsewhere"], patient["badge"]) == ("failed", "外院 0 次检查（未查全）")
        assert [len(items) for items in by_label(patient).values()] == [1]
        assert patient["notice"]

    def test_that_is_silent_is_said_to_be_late(self, clinic, platform, browser):
        impatient = BoundedElsewhere(PlatformElsewhere(platform.seen_by(OURS)), seconds=0.2)
        clinic.services.__dict__["elsewhere"] = impatient
        platform.misbehave("silent")
        patient = browser.get("/api/plugin/patient").json()
        impatient.close()
        assert (patient["elsewhere"], patient["elsewhere_count"]) == ("late", 0)
        assert [len(items) for items in by_label(patient).values()] == [1]

    def test_that_fails_at_the_click_says_so_and_records_no_opening(self, clinic, platform, browser):
        patient = browser.get("/api/plugin/patient").json()
        (exam,) = next(kind["examinations"] for kind in patient["kinds"] if kind["label"] == "超声")
        platform.misbehave("error")
        answer = browser.post("/api/plugin/openings", json={"reference": exam["reference"]})
        assert (answer.status_code, answer.json()["code"]) == (503, "elsewhere_silent")
        assert opened(clinic) == []

    def test_history_stands_by_kind_and_opens_at_the_click(self, clinic, browser):
        patient = browser.get("/api/plugin/patient").json()
        assert (patient["badge"], patient["notice"]) == ("外院 3 次检查", None)
        labels = by_label(patient)
        assert list(labels) == ["影像", "内镜", "超声"]
        assert list(labels.values()) == [["胸部CT平扫"] * 2, ["无痛胃镜检查"], ["腹部彩超"]]
        ultrasound = patient["kinds"][-1]["examinations"][0]
        assert (ultrasound["institution"], ultrasound["elsewhere"], ultrasound["held"]) == ("测试二院", True, False)
        answer = browser.post("/api/plugin/openings", json={"reference": ultrasound["reference"]})
        assert answer.json()["url"].startswith("http://127.0.0.1:1/region/open")
        assert PERSON.id_number not in answer.text
        (event,) = opened(clinic)
        assert (event.actor_kind, event.object_id) == ("staff", THEIRS)

    def test_what_another_plugin_was_shown_opens_nothing_in_this_one(self, clinic, browser):
        patient = browser.get("/api/plugin/patient").json()
        reference = patient["kinds"][-1]["examinations"][0]["reference"]
        clinic.hl7(hl7.adt_a04(patient_id="P2", name="测试邻居", id_number=""))
        other = woken(clinic, patient_id="P2")
        assert other.get("/api/plugin/patient").json()["elsewhere"] == "no_identity"
        assert other.post("/api/plugin/openings", json={"reference": reference}).status_code == 404


def opened(clinic):
    with clinic.services.database.reading() as session:
        return session.scalars(select(AuditEventRow).where(AuditEventRow.action == "prior_exam.opened")).all()
