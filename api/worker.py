"""The worker process: follows the change feed, seals the audit, runs jobs."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import dramatiq
import structlog

from api.audit.chain import seal_pending
from api.errors import describe
from api.jobs import DERIVE, QUEUES, READ_PAPER, Work, fail, lease_due, make_broker, release_leases, send, settle
from api.wiring import Services
from api.workflows.follow_changes import audit_changes, match_arrivals, owe_derivations
from api.workflows.read_paper import read_paper
from imaging_core.interop.hl7v2.intake import replay_quarantined
from imaging_core.patients.matching import match_waiting_studies
from imaging_core.reports.filing import match_waiting_reports

log = structlog.get_logger(__name__)

_LEADER_SECONDS = 15
_IDLE_SECONDS = 0.25
_SWEEP_EVERY = timedelta(minutes=3)


class WorkerProcess:
    """All threads of one worker. `alone` says that no other worker shares this database."""

    def __init__(self, services: Services, *, alone: bool) -> None:
        self._services = services
        self._alone = alone
        self._stop = threading.Event()
        self._next_sweep = services.clock()
        self._broker = make_broker(services.redis)
        self._declare_jobs()
        self._worker = dramatiq.Worker(self._broker, worker_threads=2, worker_timeout=200)
        self._leader = threading.Thread(target=self._lead, name="leader", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        if self._alone:
            with self._services.database.writing() as session:
                release_leases(session, self._services.clock())
        self._worker.start()
        self._leader.start()

    def stop(self) -> None:
        """Finish running jobs and end."""
        self._stop.set()
        self._leader.join(timeout=10)
        self._worker.stop(timeout=20_000)
        self._services.close()

    def wait(self) -> None:
        """Block until `stop` is called."""
        self._stop.wait()

    def _declare_jobs(self) -> None:
        jobs: dict[str, Callable[[Work], None]] = {DERIVE: self._derive, READ_PAPER: self._read_paper}
        for kind, job in jobs.items():
            dramatiq.actor(
                _as_actor(self._run, kind, job),
                actor_name=kind,
                queue_name=QUEUES[kind],
                broker=self._broker,
                time_limit=float("inf"),  # the child processes have limits of their own
            )

    def _run(self, work: Work, job: Callable[[Work], None]) -> None:
        services = self._services
        try:
            job(work)
        except Exception as error:  # noqa: BLE001  # whatever fails, the work stays owed and others go on
            log.warning("job failed", kind=work.kind, subject=work.subject, **describe(error))
            with services.database.writing() as session:
                fail(session, work, type(error).__name__, services.clock())
        else:
            with services.database.writing() as session:
                settle(session, work)

    def _derive(self, work: Work) -> None:
        report = self._services.deriver.derive_study(work.institution_code, work.subject)
        log.info("study derived", study_instance_uid=work.subject, report=str(report))

    def _read_paper(self, work: Work) -> None:
        read_paper(self._services, institution_code=work.institution_code, paper_id=work.subject)

    def _lead(self) -> None:
        """Follow the feed and seal the audit; one worker of all does so at a time."""
        lock = self._services.redis.lock("worker-leader", timeout=_LEADER_SECONDS, thread_local=False)
        leading = False
        while not self._stop.is_set():
            busy = False
            try:
                leading = lock.reacquire() if leading else lock.acquire(blocking=False)
                if leading:
                    busy = self._follow()
            except Exception as error:  # noqa: BLE001  # a passing fault of database or Redis must not end the loop
                leading = False
                log.warning("leader faltered", **describe(error))
                self._stop.wait(1)
            if not busy:
                self._stop.wait(_IDLE_SECONDS)
        if leading:
            lock.release()

    def _follow(self) -> bool:
        services, now = self._services, self._services.clock()
        quiet = timedelta(seconds=services.settings.derive_quiet_seconds)
        with services.database.writing() as session:
            followed = match_arrivals(session, now)
            followed += owe_derivations(session, now, quiet=quiet)
            followed += audit_changes(session, now)
        with services.database.writing() as session:
            works = lease_due(session, now)
        send(self._broker, works)
        with services.database.writing() as session:
            sealed, head = seal_pending(session, services.keys.audit)
        if sealed:
            services.audit_anchor.remember(head)
        self._sweep(now)
        return bool(followed or works or sealed)

    def _sweep(self, now: datetime) -> None:
        """Bring together what was committed at the same instant and did not see each other."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_EVERY
        services = self._services
        with services.database.writing() as session:
            matched = match_waiting_studies(session, now) + match_waiting_reports(session, now)
        replayed = replay_quarantined(
            profile=services.intake_profile,
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=now,
        )
        if matched or replayed:
            log.info("waiting records matched", matched=matched, replayed=replayed)


def _as_actor(
    run: Callable[[Work, Callable[[Work], None]], None], kind: str, job: Callable[[Work], None]
) -> Callable[[str, str, int], None]:
    def actor(institution_code: str, subject: str, generation: int) -> None:
        run(Work(kind, institution_code, subject, generation), job)

    return actor
