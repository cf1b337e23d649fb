# mypy: disable-error-code="union-attr"
# Rows that a test has just made are there; a missing one fails the test at the same line.
"""Studies with a verified report become known to the regional platform: once, and again after a failure."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from pydantic import ValidationError
from sqlalchemy import select

from api.commands.check import _CHECKS as CHECKS
from api.commands.check import Finding
from api.db.tables import WorkRow
from api.jobs import REGISTER
from api.settings import PlatformSettings
from api.worker import WorkerProcess
from api.workflows.register_study import PlatformNotConfigured, State, owe_registrations, register_study
from imaging_core.interop.regional import Person, PlatformUnreachable
from imaging_core.interop.regional.tables import RegistrationRow
from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import SmallHospital, small_hospital
from tests.builders.orders import orm
from tests.builders.region import OURS, THEIRS, RunningPlatform, running_platform, secret_of
from tests.builders.running import RunningService, running_service
from tests.builders.senders import mllp, storescu, write_instances
from tests.builders.servers import until

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.xdist_group("regional platform")]

STUDY = study_uid("study")
PATIENT = Person(name="测试患者", id_number=hl7.ID_NUMBER)


@pytest.fixture(scope="module")
def one_platform(tmp_path_factory) -> Iterator[RunningPlatform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture
def platform(one_platform) -> RunningPlatform:
    """A platform that knows nothing yet."""
    one_platform.clear()
    return one_platform


@pytest.fixture
def connected(tmp_path, sqlite_url, redis_url, redis, platform) -> Iterator[SmallHospital]:
    """A hospital with one verified report, connected to a platform."""
    opened = small_hospital(
        tmp_path / "data",
        database_url=sqlite_url,
        redis_url=redis_url,
        derive_quiet_seconds=0.2,
        hospital={"institution_code": OURS},
        platform=settings_for(platform),
    )
    opened.clock.now = datetime.now(UTC)  # the platform has a clock of its own
    opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    yield opened
    opened.services.close()


def settings_for(platform: RunningPlatform) -> dict:
    return {"url": platform.url, "key": f"key-{OURS}", "secret": secret_of(OURS), "seconds": 1, "upload_seconds": 1}


def register(hospital: SmallHospital, study: str = STUDY) -> RegistrationRow | None:
    """Do the job; return what the table says afterwards."""
    register_study(hospital.services, institution_code=OURS, study_instance_uid=study)
    return row_of(hospital, study)


def row_of(hospital: SmallHospital, study: str = STUDY) -> RegistrationRow | None:
    with hospital.services.database.reading() as session:
        return session.scalars(select(RegistrationRow).where(RegistrationRow.study_instance_uid == study)).one_or_none()


def owed(hospital: SmallHospital) -> list[str]:
    services = hospital.services
    with services.database.writing() as session:
        owe_registrations(session, services.clock(), quiet=timedelta(0))
        return sorted(session.scalars(select(WorkRow.subject).where(WorkRow.kind == REGISTER)))


def seen_elsewhere(platform: RunningPlatform) -> list[str]:
    return [found.item for found in platform.seen_by(THEIRS).find_history(PATIENT).examinations]


def attempts_at(hospital: SmallHospital) -> int:
    with hospital.services.database.reading() as session:
        return session.scalar(select(WorkRow.attempts).where(WorkRow.kind == REGISTER)) or 0


class TestWhatIsNotRegistered:
    def test_a_study_whose_report_nobody_verified(self, connected, platform):
        connected.images(ct_series(1, 16, 16, study="raw", patient_id="TEST0001", accession_number="ACC0009"))
        connected.hl7(hl7.oru_r01(accession_number="ACC0009", study_instance_uid=study_uid("raw"), status="P"))
        connected.follow(derive=False)
        assert register(connected, study_uid("raw")) is None
        assert platform.state()["exams"] == []

    def test_a_patient_without_id_number_until_one_is_registered(self, connected, platform):
        connected.load(patient_id="TEST0005", accession_number="ACC0005", study="nobody", id_number="")
        row = register(connected, study_uid("nobody"))
        assert (row.state, row.reason) == (State.INCOMPLETE, "no_id_number")
        assert platform.state()["exams"] == []
        owed(connected)
        connected.hl7(hl7.adt_a04(patient_id="TEST0005", id_number=hl7.ID_NUMBER))
        assert study_uid("nobody") in owed(connected)
        assert register(connected, study_uid("nobody")).state == State.REGISTERED

    def test_anything_of_a_study_that_is_not_there(self, connected):
        assert register(connected, "1.2.3.4.5") is None


@pytest.mark.clause("R6.1")
class TestRegistered:
    def test_with_a_key_that_says_nothing_and_found_by_another_hospital(self, connected, platform):
        row = register(connected)
        assert row.state == State.REGISTERED
        assert row.examination_id not in {STUDY, "ACC0001", "TEST0001"}
        assert seen_elsewhere(platform) == ["胸部CT平扫"]

    def test_once_however_often_the_job_runs(self, connected, platform):
        first = register(connected)
        connected.clock.forward(minutes=1)
        platform.misbehave("dead")  # it is not even asked
        assert register(connected).registered_at == first.registered_at

    def test_again_when_the_report_was_corrected(self, connected, platform):
        first = register(connected)
        connected.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="C", impression="更正：胸部CT平扫未见明显异常。"))
        assert owed(connected) == [STUDY]
        second = register(connected)
        assert (second.examination_id, second.report_version) == (first.examination_id, first.report_version + 1)
        assert len(seen_elsewhere(platform)) == 1

    def test_taken_back_with_its_report(self, connected, platform):
        register(connected)
        connected.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="X"))
        assert register(connected).state == State.WITHDRAWN
        assert seen_elsewhere(platform) == []
        connected.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="C", impression="重新审核。"))
        assert register(connected).state == State.REGISTERED
        assert len(seen_elsewhere(platform)) == 1

    def test_by_the_worker_itself(self, connected, platform):
        worker = WorkerProcess(connected.services, alone=True)
        worker.start()
        try:
            until(lambda: connected.clock.forward(seconds=0.1) or seen_elsewhere(platform))
        finally:
            worker.stop()
        assert row_of(connected).state == State.REGISTERED


class TestAPlatformThatFails:
    @pytest.mark.parametrize("fault", ["dead", "silent", "unsigned", "garbage", "error"])
    def test_leaves_the_study_waiting_and_gets_it_later(self, connected, platform, fault):
        platform.misbehave(fault)
        with pytest.raises(PlatformUnreachable):
            register(connected)
        row = row_of(connected)
        assert (row.state, row.attempts, row.content_digest) == (State.WAITING, 1, "")
        platform.misbehave("none")
        row = register(connected)
        assert (row.state, row.attempts, row.reason) == (State.REGISTERED, 0, "")
        assert len(seen_elsewhere(platform)) == 1

    def test_after_it_stored_and_before_we_knew_gets_the_same_again(self, connected, platform):
        platform.misbehave("unsigned")  # it stores; its answer is not believed
        with pytest.raises(PlatformUnreachable):
            register(connected)
        platform.misbehave("none")
        register(connected)
        assert [exam["ris_study_id"] for exam in platform.state()["exams"]] == [row_of(connected).examination_id]

    def test_makes_the_worker_try_again_later_and_later(self, connected, platform):
        platform.misbehave("dead")
        worker = WorkerProcess(connected.services, alone=True)
        worker.start()
        try:
            until(lambda: connected.clock.forward(seconds=2) or attempts_at(connected) >= 2)
        finally:
            worker.stop()
        with connected.services.database.reading() as session:
            work = session.scalars(select(WorkRow).where(WorkRow.kind == REGISTER)).one()
        assert work.last_error == "PlatformUnreachable"
        assert row_of(connected).state == State.WAITING

    def test_that_refuses_is_not_asked_again(self, connected, platform):
        platform.misbehave("refusing")
        row = register(connected)  # raises nothing: the worker settles it
        assert (row.state, row.reason) == (State.REFUSED, "422")
        platform.misbehave("none")
        connected.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="C", impression="更正：胸部CT平扫未见明显异常。"))
        assert owed(connected) == [STUDY]
        assert register(connected).state == State.REGISTERED


class TestAWorkerKilledWhileThePlatformAnswers:
    @pytest.mark.clause("R2.3")
    @pytest.mark.clause("R2.6")
    @pytest.mark.clause("R6.2")
    @pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK is not installed")
    def test_is_started_again_registers_once_tells_the_order_once_and_prefetches(self, platform, tmp_path):
        connection = {f"PLATFORM__{name.upper()}": str(value) for name, value in settings_for(platform).items()}
        connection["PLATFORM__UPLOAD_SECONDS"] = connection["PLATFORM__SECONDS"] = "60"
        more = {"EMBEDDER_FOLDER": "/nonexistent", "HOSPITAL__INSTITUTION_CODE": OURS}
        with running_service(tmp_path / "killed", **connection, **more) as service:
            platform.misbehave("slow", seconds=60)
            mllp(service.hl7_port, hl7.adt_a04(at=datetime.now(UTC)))
            images = ct_series(1, 16, 16, study="study", patient_id="TEST0001", accession_number="ACC0001")
            assert storescu(service.dicom_port, write_instances(tmp_path / "send", images)).returncode == 0
            mllp(service.hl7_port, hl7.oru_r01(study_instance_uid=STUDY))
            mllp(service.hl7_port, orm("胸部CT平扫"))  # answered although the platform is not
            until(lambda: state_in(service) == state_in(service, "platform_orders") == State.WAITING)
            worker_of(service).kill()
            platform.misbehave("none")
            until(lambda: state_in(service) == State.REGISTERED)
            assert len(seen_elsewhere(platform)) == 1
            until(lambda: state_in(service, "platform_orders") == "told")
            told = platform.state()
            assert [len(told[kind]) for kind in ("notices", "receipts")] == [1, 1]
            until(lambda: "elsewhere.prefetched" in actions_in(service))


def state_in(service: RunningService, table: str = "platform_registrations") -> str | None:
    with contextlib.closing(sqlite3.connect(service.data / "index.sqlite")) as index:
        row = index.execute(f"SELECT state FROM {table}").fetchone()  # noqa: S608  # a word of ours
    return row and row[0]


def actions_in(service: RunningService) -> set[str]:
    with contextlib.closing(sqlite3.connect(service.data / "index.sqlite")) as index:
        return {action for (action,) in index.execute("SELECT DISTINCT action FROM audit_events")}


def worker_of(service: RunningService) -> psutil.Process:
    children = psutil.Process(service.process.pid).children()
    return next(child for child in children if "worker" in child.cmdline())


class TestSelfTest:
    """What `mingying check` says; a platform that is away does not fail an installation."""

    def test_says_how_many_studies_are_where(self, connected, platform):
        register(connected)
        found = self_test(connected)
        assert (found.ok, found.sentence) == (True, "answers, signed; studies: 1 registered")

    def test_says_that_the_platform_is_away(self, connected, platform):
        platform.misbehave("dead")
        found = self_test(connected)
        assert (found.ok, found.essential) == (False, False)
        assert "no usable answer" in found.sentence

    def test_says_that_clocks_differ(self, connected, platform):
        connected.services.platform.sign_in()
        platform.misbehave("skewed")
        assert "compare the clocks" in self_test(connected).sentence

    def test_without_a_platform_is_fine(self, clinic):
        assert self_test(clinic).ok


def self_test(hospital: SmallHospital) -> Finding:
    return CHECKS["regional platform"](hospital.services)


class TestNotConfigured:
    def test_owes_nothing(self, clinic):
        worker = WorkerProcess(clinic.services, alone=True)
        assert set(worker._more_readers) == {"normalise"}

    def test_keeps_what_was_owed_before(self, clinic):
        with pytest.raises(PlatformNotConfigured):
            register_study(clinic.services, institution_code=OURS, study_instance_uid=STUDY)

    def test_by_half_is_refused_with_a_sentence(self):
        with pytest.raises(ValidationError, match="needs a key"):
            PlatformSettings(url="https://platform.test")
        with pytest.raises(ValidationError, match="https"):
            PlatformSettings(url="http://platform.test", key="k", secret="s" * 16)
