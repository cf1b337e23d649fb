"""At registration the platform is asked for the patient's history; the doctor who opens the patient waits for nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import PREFETCH, Work
from api.worker import WorkerProcess
from api.workflows.prefetch_history import kept_history, owe_prefetches, prefetch_history
from imaging_core.interop.regional import PlatformUnreachable
from imaging_core.reminders.elsewhere import PatientIdentity
from tests.builders import hl7
from tests.builders.hospital import OTHER_ID_NUMBER, SmallHospital, small_hospital
from tests.builders.plugin import woken
from tests.builders.region import OURS, PERSON, THEIRS, RunningPlatform, registration, running_platform, secret_of
from tests.builders.servers import until
from tests.builders.staff import new_account

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("regional platform"),
    pytest.mark.clause("R2.3"),
]

WHO = PatientIdentity(name=PERSON.name, id_number=PERSON.id_number)
NEVER = 600.0
"""How long the doctor's look may wait for the platform here: a look that waits does not end within the test."""


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
            "clock_skew_seconds": 1800,  # tests move the clock for less; "skewed" is an hour
        },
    )
    opened.clock.now = datetime.now(UTC)  # the platform has a clock of its own
    yield opened
    opened.services.close()


def register(hospital: SmallHospital, **patient) -> None:
    """Register the patient for a visit of now, as the HIS does."""
    at = hospital.clock()
    known = {"patient_id": "P1", "name": PERSON.name, "id_number": PERSON.id_number, "at": at}
    hospital.hl7(hl7.adt_a04(**{**known, **patient}))


def works(hospital: SmallHospital) -> list[Work]:
    """Read the feed; return what is owed."""
    services = hospital.services
    with services.database.writing() as session:
        owe_prefetches(services, session, services.clock())
        rows = session.scalars(select(WorkRow).where(WorkRow.kind == PREFETCH)).all()
        return [Work(row.kind, row.institution_code, row.subject, row.generation) for row in rows]


def prefetch(hospital: SmallHospital) -> None:
    for work in works(hospital):
        prefetch_history(hospital.services, work)


def asked(platform: RunningPlatform) -> int:
    return sum(row["organ_code"] == OURS for row in platform.state()["records"])


def kept(hospital: SmallHospital, who: PatientIdentity = WHO) -> list[str] | None:
    history = kept_history(hospital.services, who)
    return None if history is None else [exam.item for exam in history.exams]


def shown(hospital: SmallHospital) -> dict:
    """Return what the doctor's plugin shows of the patient."""
    browser = woken(hospital, new_account(hospital, Role.DOCTOR), patient_id="P1")
    answer = browser.get("/api/plugin/patient")
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestWhatIsNotAskedFor:
    def test_a_patient_without_id_number(self, connected, platform):
        register(connected, id_number="")
        prefetch(connected)
        assert asked(platform) == 0

    def test_a_registration_of_an_earlier_visit(self, connected):
        register(connected, at=connected.clock() - timedelta(days=3))
        assert works(connected) == []

    def test_a_registration_that_lay_for_a_day(self, connected):
        register(connected)
        connected.clock.forward(hours=13)
        assert works(connected) == []

    def test_anything_where_the_platform_refuses_and_then_not_again(self, connected, platform):
        register(connected)
        platform.misbehave("refusing")
        prefetch(connected)  # raises nothing: the worker settles it
        assert kept(connected) is None


class TestAtRegistration:
    def test_the_history_is_kept_sealed(self, connected, platform):
        register(connected)
        prefetch(connected)
        assert kept(connected) == ["胸部CT平扫"]
        (name,) = connected.services.redis.keys("history:*")
        stored = name + connected.services.redis.get(name)
        assert not any(text.encode() in stored for text in (PERSON.name, PERSON.id_number, "胸部CT平扫"))
        assert 0 < connected.services.redis.ttl(name) <= 12 * 3600
        with connected.services.database.reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "elsewhere.prefetched")).one()
        assert event.detail == {"examinations": 1}

    def test_ten_messages_of_one_patient_ask_once(self, connected, platform):
        for number in range(10):
            register(connected, control_id=f"M{number}")
            prefetch(connected)
            connected.clock.forward(seconds=5)
        assert asked(platform) == 1
        connected.clock.forward(minutes=2)
        register(connected, control_id="later")
        prefetch(connected)
        assert asked(platform) == 2

    def test_a_corrected_id_number_is_asked_for_anew_and_shows_nothing_of_the_first(self, connected, platform):
        register(connected)
        prefetch(connected)
        register(connected, id_number=OTHER_ID_NUMBER)
        prefetch(connected)
        assert kept(connected, PatientIdentity(name=PERSON.name, id_number=OTHER_ID_NUMBER)) == []
        assert shown(connected)["elsewhere_count"] == 0

    def test_over_rest_likewise(self, connected):
        key = connected.machine_key("registrations")
        body = {
            "patient_id": "P1",
            "name": PERSON.name,
            "id_number": PERSON.id_number,
            "encounter_class": "outpatient",
        }
        browser = connected.browser()
        first = browser.post("/api/interop/registrations", json=body, headers=key)
        assert (first.status_code, first.json()) == (200, {"outcome": "registered"})
        again = browser.post("/api/interop/registrations", json={**body, "phone": "13800000001"}, headers=key)
        assert again.json() == {"outcome": "updated"}
        prefetch(connected)
        assert kept(connected) == ["胸部CT平扫"]

    def test_the_worker_does_it_although_the_platform_was_away_first(self, connected, platform):
        platform.misbehave("skewed")
        register(connected)
        worker = WorkerProcess(connected.services, alone=True)
        worker.start()
        try:
            until(lambda: failed(connected) >= 1)
            platform.misbehave("none")
            with connected.services.database.writing() as session:
                session.scalars(select(WorkRow).where(WorkRow.kind == PREFETCH)).one().due_at = connected.clock()
            until(lambda: kept(connected))
            until(lambda: failed(connected) == -1)
        finally:
            worker.stop()

    @pytest.mark.parametrize("fault", ["dead", "skewed"])
    def test_a_platform_that_stays_away_is_not_asked_for_ever(self, connected, platform, fault):
        platform.misbehave(fault)
        register(connected)
        (work,) = works(connected)
        with pytest.raises(PlatformUnreachable):
            prefetch_history(connected.services, work)
        with connected.services.database.writing() as session:
            session.scalars(select(WorkRow).where(WorkRow.kind == PREFETCH)).one().attempts = 5
        prefetch_history(connected.services, work)  # raises nothing: the worker settles it
        assert kept(connected) is None


def failed(hospital: SmallHospital) -> int:
    """Return how often the job failed; -1 when none is owed."""
    with hospital.services.database.reading() as session:
        count = session.scalar(select(WorkRow.attempts).where(WorkRow.kind == PREFETCH))
    return -1 if count is None else count


class TestRestRegistrationRefused:
    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"patient_id": ""}, "patient_id"),
            ({"name": "测试\0"}, "name"),
            ({"encounter_class": "walk-in"}, "encounter_class"),
            ({"visit_at": "2199-01-01T00:00:00+08:00"}, "visit_at"),
            ({"visit_at": "2026-01-01T00:00:00"}, "visit_at"),
            ({"id_nubmer": "x"}, "id_nubmer"),
        ],
    )
    def test_with_the_field(self, clinic, changed, field):
        body = {"patient_id": "P9", "name": "测试丙某", "encounter_class": "outpatient", **changed}
        key = clinic.machine_key("registrations")
        answer = clinic.browser().post("/api/interop/registrations", json=body, headers=key)
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    def test_a_number_of_another_person(self, clinic):
        key, browser = clinic.machine_key("registrations"), clinic.browser()
        body = {"patient_id": "P9", "name": "测试丙某", "encounter_class": "outpatient", "id_number": hl7.ID_NUMBER}
        assert browser.post("/api/interop/registrations", json=body, headers=key).status_code == 200
        body |= {"name": "测试丁某", "id_number": OTHER_ID_NUMBER}
        answer = browser.post("/api/interop/registrations", json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (409, "registration_of_another")
        assert hl7.ID_NUMBER not in answer.text


class TestTheDoctorsLook:
    @pytest.fixture
    def prefetched(self, connected, platform):
        """A patient whose history is here, and a platform that gives no answer any more."""
        register(connected)
        prefetch(connected)
        connected.services.elsewhere._seconds = NEVER
        platform.misbehave("silent")
        return connected

    def test_soon_after_registration_asks_nobody(self, prefetched, platform):
        patient = shown(prefetched)
        assert (patient["elsewhere"], patient["elsewhere_count"]) == ("answered", 1)
        assert (patient["badge"], patient["notice"]) == ("外院 1 次检查", None)
        assert asked(platform) == 1

    def test_later_shows_the_list_with_its_time(self, prefetched):
        found_at = prefetched.clock()
        prefetched.clock.forward(minutes=20)
        patient = shown(prefetched)
        clock = found_at.astimezone(hl7.CHINA).strftime("%H:%M")
        assert patient["badge"] == f"外院 1 次检查（截至 {clock}）"
        assert f"截至 {clock}" in patient["notice"]
        assert datetime.fromisoformat(patient["elsewhere_as_of"]) == found_at

    def test_later_with_a_platform_that_answers_shows_news_and_keeps_them(self, prefetched, platform):
        platform.misbehave("none")
        platform.seen_by(THEIRS).register(registration("exam-2", item="腹部彩超", modality="US"))
        prefetched.clock.forward(minutes=20)
        shown(prefetched)  # may come too late for this look, never for the next
        until(lambda: len(kept(prefetched) or []) == 2)
        patient = shown(prefetched)
        assert (patient["badge"], patient["elsewhere_as_of"]) == ("外院 2 次检查", None)

    def test_the_next_day_shows_no_old_list(self, prefetched):
        prefetched.services.elsewhere._seconds = 0.1
        prefetched.clock.forward(hours=13)
        patient = shown(prefetched)
        assert (patient["elsewhere"], patient["elsewhere_count"]) == ("late", 0)

    def test_without_a_platform_says_so_also_of_a_patient_without_id_number(self, clinic):
        register(clinic, id_number="")
        assert shown(clinic)["elsewhere"] == "not_connected"

    def test_what_cannot_be_opened_as_a_list_is_none(self, prefetched):
        (name,) = prefetched.services.redis.keys("history:*")
        prefetched.services.redis.set(name, b"spoilt")
        assert kept(prefetched) is None
