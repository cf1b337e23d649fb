# mypy: disable-error-code="union-attr"
# The door opens a browser or gives a status; one that stays shut fails the test at the same line.
"""The retrieval door: a ticket of the platform opens one study, once, and soon; all else is refused alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.auth.cookies import GRANT_COOKIE
from api.db.tables import AuditEventRow
from api.workflows.register_study import State
from imaging_core.index import queries
from imaging_core.interop.regional.signing import RetrievalTicket, new_ticket, seal_ticket
from imaging_core.interop.regional.tables import RegistrationRow
from tests.builders import hl7
from tests.builders.dicom import study_uid
from tests.builders.hospital import SmallHospital, small_hospital
from tests.builders.region import OURS, THEIRS, secret_of

pytestmark = pytest.mark.integration

STUDY = study_uid("study")
EXAMINATION = "e" * 32


@pytest.fixture
def holder(tmp_path, sqlite_url, redis_url, redis, knowledge) -> Iterator[SmallHospital]:
    """The hospital that holds the study and registered it; the patient has an earlier one too."""
    opened = small_hospital(
        tmp_path / "data",
        database_url=sqlite_url,
        redis_url=redis_url,
        knowledge=knowledge,
        hospital={"institution_code": THEIRS},
        platform={"url": "http://127.0.0.1:1", "key": f"key-{THEIRS}", "secret": secret_of(THEIRS)},
    )
    opened.load(patient_id="TEST0001", accession_number="ACC0000", study="earlier")
    opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study", derive=True)
    with opened.services.database.writing() as session:
        session.add(
            RegistrationRow(
                institution_code=THEIRS,
                study_instance_uid=STUDY,
                examination_id=EXAMINATION,
                state=State.REGISTERED,
                changed_at=opened.clock(),
            )
        )
    yield opened
    opened.services.close()


def ticket(hospital: SmallHospital, *, minutes: float = 2, holder: str = THEIRS, exam: str = EXAMINATION):
    return new_ticket(
        institution_code=holder,
        examination_id=exam,
        requested_by=OURS,
        view_record_id="record-1",
        now=hospital.clock(),
        lasts=timedelta(minutes=minutes),
    )


def door(
    hospital: SmallHospital, wanted: RetrievalTicket | str, *, secret: str = secret_of(THEIRS)
) -> TestClient | int:
    """Go through the door; return the browser, or the status when it stays shut."""
    sealed = wanted if isinstance(wanted, str) else seal_ticket(secret.encode(), wanted)
    browser = hospital.browser()
    answer = browser.get("/region/open", params={"ticket": sealed}, follow_redirects=False)
    if answer.status_code != 303:
        assert GRANT_COOKIE not in browser.cookies
        return answer.status_code
    assert answer.headers["location"] == "/r"
    return browser


def audited(hospital: SmallHospital, action: str) -> list[AuditEventRow]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(AuditEventRow).where(AuditEventRow.action == action)))


class TestRefused:
    def test_the_second_time(self, holder):
        wanted = ticket(holder)
        assert isinstance(door(holder, wanted), TestClient)
        assert door(holder, wanted) == 404
        assert len(audited(holder, "region.refused")) == 1

    def test_the_second_time_even_within_another_signature(self, holder):
        wanted = ticket(holder)
        door(holder, wanted)
        assert door(holder, replace(wanted, expires_at=wanted.expires_at - 1)) == 404

    def test_once_it_ended(self, holder):
        wanted = ticket(holder)
        holder.clock.forward(minutes=3)
        assert door(holder, wanted) == 404

    def test_when_it_would_last_longer_than_we_allow(self, holder):
        assert door(holder, ticket(holder, minutes=60)) == 404

    def test_when_somebody_else_signed(self, holder):
        assert door(holder, ticket(holder), secret=secret_of(OURS)) == 404

    def test_when_it_is_for_another_hospital(self, holder):
        assert door(holder, ticket(holder, holder=OURS)) == 404

    def test_when_nothing_of_that_name_was_registered(self, holder):
        assert door(holder, ticket(holder, exam="f" * 32)) == 404

    def test_when_the_study_uid_is_named_instead_of_the_key(self, holder):
        assert door(holder, ticket(holder, exam=STUDY)) == 404

    def test_when_the_report_was_withdrawn(self, holder):
        holder.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="X"))
        assert door(holder, ticket(holder)) == 404

    @pytest.mark.parametrize("nonsense", ["x", "a.b", "…", "%00", "A" * 4096])
    def test_when_it_is_no_ticket(self, holder, nonsense):
        assert door(holder, nonsense) == 404

    def test_to_whoever_tries_again_and_again(self, holder):
        tries = [door(holder, "none") for _ in range(31)]
        assert (tries[0], tries[-1]) == (404, 429)

    def test_where_no_platform_is_configured(self, clinic):
        assert door(clinic, ticket(clinic)) == 404


@pytest.mark.clause("R6.1")
class TestOpened:
    def test_report_and_images_of_this_study(self, holder):
        browser = door(holder, ticket(holder))
        screen = browser.get("/api/patient/first-screen").json()
        assert screen["study"]["study_instance_uid"] == STUDY
        assert screen["report"]["impression"]
        assert browser.get(f"/api/patient/studies/{STUDY}/manifest").status_code == 200

    def test_nothing_else_of_the_patient(self, holder):
        browser = door(holder, ticket(holder))
        assert [item["study_instance_uid"] for item in browser.get("/api/patient/studies").json()] == [STUDY]
        assert browser.get(f"/api/patient/studies/{study_uid('earlier')}/manifest").status_code == 404
        assert browser.get("/api/patient/shares").status_code == 403
        assert browser.post("/api/patient/downloads", json={"study": STUDY}).status_code == 403

    def test_not_for_long(self, holder):
        browser = door(holder, ticket(holder))
        holder.clock.forward(minutes=31)
        assert browser.get("/api/patient/first-screen").status_code == 401

    def test_with_a_trace_of_who_asked_and_under_which_record(self, holder):
        door(holder, ticket(holder))
        (event,) = audited(holder, "study.opened_by_region")
        assert (event.actor, event.object_id) == (f"institution:{OURS}", STUDY)
        assert event.detail["view_record_id"] == "record-1"

    def test_as_it_stands_now_while_a_newer_registration_is_on_its_way(self, holder):
        with holder.services.database.writing() as session:
            session.scalars(select(RegistrationRow)).one().state = State.WAITING
            assert queries.study(session, THEIRS, STUDY) is not None
        assert isinstance(door(holder, ticket(holder)), TestClient)
