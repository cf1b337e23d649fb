# mypy: disable-error-code="union-attr"
# Rows that a test has just made are there; a missing one fails the test at the same line.
"""Work that is owed: leased, put off, settled, and never lost."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from api.audit.chain import verify
from api.db.tables import AuditEventRow, WorkRow
from api.jobs import (
    COMPACT,
    DERIVE,
    LEASE,
    READ_PAPER,
    STORAGE,
    Work,
    anything_due,
    fail,
    lease_due,
    owe,
    release_leases,
    renew,
    settle,
)
from api.worker import WorkerProcess
from api.workflows.follow_changes import anything_unread
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index import queries
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import NOW

pytestmark = pytest.mark.integration

HOSPITAL = "12340000TEST000001"
STUDY = study_uid("study")


def owed(database, subject: str = "1.2.3", *, kind: str = DERIVE, at=NOW) -> None:
    with database.writing() as session:
        owe(session, kind=kind, institution_code=HOSPITAL, subject=subject, due_at=at)


def leased(database, now=NOW, *, kind: str = DERIVE, most: int = 100) -> list[Work]:
    with database.writing() as session:
        return lease_due(session, now, kind=kind, most=most)


def row(database) -> WorkRow | None:
    with database.reading() as session:
        return session.scalars(select(WorkRow)).one_or_none()


class TestLeases:
    def test_work_is_called_when_it_is_due_and_once_a_lease(self, database):
        owed(database, at=NOW + timedelta(seconds=2))
        assert leased(database, NOW + timedelta(seconds=1)) == []
        due = NOW + timedelta(seconds=2)
        assert leased(database, due) == [Work(DERIVE, HOSPITAL, "1.2.3", 1)]
        assert leased(database, due + LEASE - timedelta(seconds=1)) == []
        assert len(leased(database, due + LEASE)) == 1

    def test_no_more_is_called_than_asked_for_and_the_oldest_first(self, database):
        for number in range(3):
            owed(database, f"1.2.{number}", at=NOW - timedelta(seconds=number))
        owed(database, "a" * 32, kind=READ_PAPER)
        assert [work.subject for work in leased(database, most=2)] == ["1.2.2", "1.2.1"]
        assert [work.kind for work in leased(database, kind=READ_PAPER)] == [READ_PAPER]

    def test_a_job_that_takes_long_holds_its_lease(self, database):
        owed(database)
        (work,) = leased(database)
        with database.writing() as session:
            assert renew(session, work, until=NOW + 2 * LEASE)
        assert leased(database, NOW + LEASE) == []

    def test_after_a_crash_of_the_only_worker_nothing_waits_for_its_lease(self, database):
        owed(database)
        leased(database)
        with database.writing() as session:
            release_leases(session, NOW)
            assert anything_due(session, NOW)


class TestEnds:
    def test_work_that_is_done_is_forgotten(self, database):
        owed(database)
        (work,) = leased(database)
        with database.writing() as session:
            settle(session, work)
        assert row(database) is None
        with database.writing() as session:
            assert not renew(session, work, until=NOW)  # a second call of it finds nothing to do

    def test_work_whose_subject_changed_meanwhile_stays_owed(self, database):
        owed(database)
        (work,) = leased(database)
        owed(database, at=NOW + timedelta(seconds=5))
        with database.writing() as session:
            settle(session, work)
        assert (row(database).generation, row(database).due_at) == (2, NOW + timedelta(seconds=5))

    def test_each_failure_waits_twice_as_long_up_to_an_hour(self, database):
        owed(database)
        waits, now = [], NOW
        for _ in range(12):
            (work,) = leased(database, now)
            with database.writing() as session:
                fail(session, work, "ValueError", now)
            waits.append(int((row(database).due_at - now).total_seconds()))
            now = row(database).due_at
        assert waits[:5] == [10, 20, 40, 80, 160]
        assert waits[-1] == 3600
        assert row(database).last_error == "ValueError"

    def test_a_change_gives_failed_work_a_fresh_start(self, database):
        owed(database)
        (work,) = leased(database)
        for _ in range(6):
            with database.writing() as session:
                fail(session, work, "ValueError", NOW)
        owed(database, at=NOW)
        assert (row(database).attempts, row(database).due_at) == (0, NOW)
        with database.writing() as session:
            fail(session, work, "ValueError", NOW)  # the job of the old generation ends late
        assert (row(database).attempts, row(database).due_at) == (0, NOW)

    @pytest.mark.parametrize("engine", ["postgresql"])  # SQLite lets one writer in at a time
    def test_a_change_that_commits_while_the_job_ends_is_not_lost(self, database):
        owed(database)
        (work,) = leased(database)
        with database.writes.begin() as change:
            owe(change, kind=DERIVE, institution_code=HOSPITAL, subject="1.2.3", due_at=NOW)
            change.flush()
            ending = in_thread(lambda: settle_in(database, work))
            time.sleep(0.2)
            assert ending.is_alive()  # it waits for the row
        ending.join(timeout=60)
        assert row(database).generation == 2


def settle_in(database, work: Work) -> None:
    with database.writing() as session:
        settle(session, work)


def in_thread(act) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.fixture
def working(hospital):
    """A worker over the hospital, its clock running so that work becomes due."""
    hospital.services.clock = hospital.clock = Running(hospital.clock.now)
    worker = WorkerProcess(hospital.services, alone=True)
    worker.start()
    yield hospital
    worker.stop()


class Running:
    """A clock that goes on from where it was."""

    def __init__(self, now) -> None:
        self._start, self._began = now, time.monotonic()

    @property
    def now(self):
        return self()

    def __call__(self):
        return self._start + timedelta(seconds=time.monotonic() - self._began)


def settled(hospital, study: str, seconds: float = 30) -> bool:
    """Wait until a study has its pictures and nothing is owed but the archive's own upkeep, which never ends."""
    services = hospital.services
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with services.database.reading() as session:
            waiting = session.scalar(
                select(func.count()).select_from(WorkRow).where(WorkRow.kind.not_in((COMPACT, STORAGE)))
            )
            unread = anything_unread(session)
        if not waiting and not unread and services.derived.manifest_gz(hospital.institution_code, study):
            return True
        time.sleep(0.05)
    return False


class TestWorker:
    def test_what_arrives_is_matched_derived_and_audited_without_being_told(self, working):
        working.images(ct_series(2, 16, 16, study="new", accession_number="ACC0009", patient_name="测试患者"))
        assert settled(working, study_uid("new"))
        with working.services.database.reading() as session:
            study = queries.study(session, InstitutionCode(working.institution_code), study_uid("new"))
            actions = session.scalars(select(AuditEventRow.action)).all()
        assert study.patient_key is not None
        assert "archive.instance_stored" in actions

    def test_a_lost_queue_loses_nothing(self, working):
        working.images(ct_series(1, 16, 16, study="lost", accession_number="ACC0009"))
        for _ in range(5):
            working.services.redis.flushall()
            time.sleep(0.05)
        due_again(working)
        assert settled(working, study_uid("lost"))

    def test_every_event_is_sealed_within_seconds_and_the_chain_holds(self, working):
        services = working.services
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with services.database.reading() as session:
                report = verify(session, services.keys.audit, services.clock(), head=services.audit_anchor.head())
            if report.sealed and not report.open:
                break
            time.sleep(0.05)
        assert (report.open, report.faults) == (0, ())
        assert services.audit_anchor.head() == report.sealed

    def test_late_images_are_derived_again(self, working):
        assert settled(working, STUDY)
        _, before = working.services.derived.manifest_gz(working.institution_code, STUDY)
        working.images(ct_series(4, 16, 16, study="study", patient_name="测试患者")[3:])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            _, after = working.services.derived.manifest_gz(working.institution_code, STUDY)
            if after != before:
                break
            time.sleep(0.05)
        assert after != before

    def test_a_job_that_fails_stays_owed_with_the_kind_of_its_error(self, working):
        with working.services.database.writing() as session:
            owe(
                session, kind=DERIVE, institution_code=working.institution_code, subject="9.9.9", due_at=working.clock()
            )
        deadline = time.monotonic() + 20
        failed = None
        while not failed and time.monotonic() < deadline:
            with working.services.database.reading() as session:
                failed = session.scalars(select(WorkRow).where(WorkRow.attempts > 0)).first()
            time.sleep(0.05)
        assert (failed.subject, failed.last_error) == ("9.9.9", "StudyNotFound")
        assert failed.due_at > working.clock()
        working.images(ct_series(1, 16, 16, study="after", accession_number="ACC0010"))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if working.services.derived.manifest_gz(working.institution_code, study_uid("after")):
                return
            time.sleep(0.05)
        pytest.fail("others waited for the one that fails")


def due_again(hospital) -> None:
    """Let the leases of lost calls run out now, instead of in three minutes."""
    with hospital.services.database.writing() as session:
        release_leases(session, hospital.services.clock())
