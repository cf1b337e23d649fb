"""Orders and a regional platform that runs as a process of its own."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from api.workflows.check_order_platform import PlatformElsewhere
from imaging_core.reminders.elsewhere import BoundedElsewhere, ElsewhereState, PatientIdentity
from tests.builders import hl7
from tests.builders.orders import hook_call
from tests.builders.region import OURS, PERSON, THEIRS, registration, running_platform

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("regional platform")]

WHO = PatientIdentity(name=PERSON.name, id_number=PERSON.id_number)
SIGN = "/cds-services/duplicate-exam-sign"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        running.seen_by(THEIRS).register(registration())
        yield running


@pytest.fixture
def elsewhere(platform):
    asked = BoundedElsewhere(PlatformElsewhere(platform.seen_by(OURS)), seconds=10)
    yield asked
    platform.misbehave("none")
    asked.close()


class TestPlatform:
    @pytest.mark.parametrize("fault", ["error", "garbage", "tampered", "refusing"])
    def test_that_answers_wrongly_is_a_failure_and_no_history(self, platform, elsewhere, fault):
        platform.misbehave(fault)
        answer = elsewhere.find(WHO, [])
        assert (answer.state, answer.exams) == (ElsewhereState.FAILED, ())

    def test_that_is_silent_is_late(self, platform):
        impatient = BoundedElsewhere(PlatformElsewhere(platform.seen_by(OURS)), seconds=0.2)
        platform.misbehave("silent")
        try:
            assert impatient.find(WHO, []).state is ElsewhereState.LATE
        finally:
            platform.misbehave("none")
            impatient.close()

    def test_says_what_another_hospital_registered(self, elsewhere):
        (exam,) = elsewhere.find(WHO, []).exams
        assert (exam.item, exam.on, exam.status) == ("胸部CT平扫", date(2026, 1, 10), "final")
        assert exam.institution_code == THEIRS

    @pytest.mark.clause("R6.2")
    def test_an_order_is_told_of_it_and_opens_it(self, clinic, elsewhere):
        clinic.services.__dict__["elsewhere"] = elsewhere
        clinic.hl7(hl7.adt_a04(patient_id="P1", name=PERSON.name, id_number=PERSON.id_number))
        browser = clinic.browser()
        key = clinic.machine_key("orders")
        (card,) = browser.post(SIGN, json=hook_call("胸部+上腹部CT平扫", patient_id="P1"), headers=key).json()["cards"]
        assert "2026-01-10" in card["summary"]
        opened = browser.get(urlsplit(card["links"][0]["url"]).path, follow_redirects=False)
        assert opened.status_code == 303
        assert opened.headers["location"].startswith("http://127.0.0.1:1/region/open")
