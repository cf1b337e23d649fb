"""The worker process: follows the change feed, seals the audit, runs jobs."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import dramatiq
import structlog
from sqlalchemy.orm import Session

from api.audit.chain import MAY_WAIT, SEALED_AT_ONCE, anything_unsealed, seal_pending
from api.audit.record import Actor
from api.errors import describe
from api.jobs import (
    COMMIT,
    COMPACT,
    DERIVE,
    DISPOSE,
    KINDS,
    LEASE,
    NORMALISE,
    NOTIFY,
    PREFETCH,
    QUEUES,
    READ_PAPER,
    REGISTER,
    RENORMALISE,
    STORAGE,
    TELL_ORDER,
    Work,
    anything_due,
    fail,
    lease_due,
    make_broker,
    recall_far_off,
    release_leases,
    renew,
    room,
    send,
    settle,
)
from api.patient_holdings import HOLDINGS
from api.wiring import Services
from api.workflows.follow_changes import (
    CHANGES_AT_ONCE,
    anything_unread,
    audit_changes,
    match_arrivals,
    owe_derivations,
    owe_notices,
)
from api.workflows.keep_storage import keep_storage, owe_upkeep
from api.workflows.normalise_studies import NORMALISING, owe_normalising, owe_renormalising
from api.workflows.notify_patient import send_notice
from api.workflows.prefetch_history import PREFETCHING, owe_prefetches, prefetch_history
from api.workflows.read_paper import read_paper
from api.workflows.register_study import REGISTERING, owe_registrations, register_study
from api.workflows.report_commitment import report_commitment
from api.workflows.retention import compact, owe_compaction, run_plan
from api.workflows.tell_order import tell_order
from imaging_core.interop.hl7v2.intake import replay_quarantined
from imaging_core.patients.decisions import follow_merges
from imaging_core.patients.matching import match_waiting_studies
from imaging_core.reports.filing import match_waiting_reports
from imaging_core.worklist.remedies import link_certain_reports

log = structlog.get_logger(__name__)

_LEADER_SECONDS = 15
_IDLE_SECONDS = 0.25
_GATHER_SECONDS = 1.0
"""Until the next look when the last one found changes: a look costs more than the changes it finds."""
_PAUSE_SECONDS = 1.0
_SWEEP_EVERY = timedelta(minutes=3)
_RENEW_EVERY = LEASE / 3
_SOON = timedelta(seconds=5)
_MOST_QUEUED = 64
_THREADS = {
    DERIVE: 2,
    READ_PAPER: 1,
    NOTIFY: 1,
    REGISTER: 1,
    TELL_ORDER: 1,
    PREFETCH: 1,
    COMMIT: 1,
    DISPOSE: 1,
    COMPACT: 1,
    STORAGE: 1,
    NORMALISE: 1,
    RENORMALISE: 1,
}
"""Apart from each other: a patient's photograph does not wait for an import of a thousand studies."""
_LOOK_EVERY_MS = {DERIVE: 400, READ_PAPER: 200, PREFETCH: 200, NOTIFY: 500, REGISTER: 500, TELL_ORDER: 500, COMMIT: 500}
"""Each look of a queue into Redis costs; nobody waits for what is not named, which is looked for every two seconds."""
_LOOK_SELDOM_MS = 2000


class WorkerProcess:
    """All threads of one worker. `alone` says that no other worker shares this database."""

    def __init__(self, services: Services, *, alone: bool) -> None:
        self._services = services
        self._alone = alone
        self._stop = threading.Event()
        self._next_sweep = self._next_renewal = services.clock()
        self._sealed_before: datetime | None = None
        self._running: dict[tuple[str, str, str], Work] = {}
        self._running_guard = threading.Lock()
        self._more_readers: dict[str, Callable[[Session, datetime], int]] = {NORMALISING: self._owe_normalising}
        if services.platform:
            self._more_readers |= {REGISTERING: self._owe_registrations, PREFETCHING: self._owe_prefetches}
        self._broker = make_broker(services.redis)
        self._declare_jobs()
        self._workers = [
            dramatiq.Worker(
                self._broker,
                queues={QUEUES[kind]},
                worker_threads=threads,
                worker_timeout=_LOOK_EVERY_MS.get(kind, _LOOK_SELDOM_MS),
            )
            for kind, threads in _THREADS.items()
        ]
        self._leader = threading.Thread(target=self._lead, name="leader", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        if self._alone:
            # Nobody can be at anything: what is owed is due, what is queued is called again.
            self._broker.flush_all()
            with self._services.database.writing() as session:
                release_leases(session, self._services.clock())
        for worker in self._workers:
            worker.start()
        self._leader.start()

    def stop(self) -> None:
        """Finish running jobs and end."""
        self._stop.set()
        self._leader.join(timeout=10)
        for worker in self._workers:
            worker.stop(timeout=10_000)
        self._services.close()

    def _declare_jobs(self) -> None:
        jobs: dict[str, Callable[[Work], None]] = {
            DERIVE: self._derive,
            READ_PAPER: self._read_paper,
            NOTIFY: self._notify,
            REGISTER: self._register,
            TELL_ORDER: self._tell_order,
            PREFETCH: self._prefetch,
            COMMIT: self._report_commitment,
            DISPOSE: self._dispose,
            COMPACT: self._compact,
            STORAGE: self._keep_storage,
            NORMALISE: self._normalise,
            RENORMALISE: self._renormalise,
        }
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
        if not self._begin(work):
            return
        try:
            job(work)
        except Exception as error:  # noqa: BLE001  # whatever fails, the work stays owed and others go on
            log.warning("job failed", kind=work.kind, subject=work.subject, **describe(error))
            with services.database.writing() as session:
                fail(session, work, type(error).__name__, services.clock())
        else:
            with services.database.writing() as session:
                settle(session, work)
        finally:
            with self._running_guard:
                del self._running[work.kind, work.institution_code, work.subject]

    def _begin(self, work: Work) -> bool:
        """Return whether to do this: not when it is done already, changed since, or being done."""
        now = self._services.clock()
        key = (work.kind, work.institution_code, work.subject)
        with self._running_guard:
            running = self._running.get(key)
            if running is None:
                self._running[key] = work
        if running is not None:
            if running.generation != work.generation:
                with self._services.database.writing() as session:
                    renew(session, work, until=now + _SOON)
            return False
        owed = False
        try:
            with self._services.database.writing() as session:
                owed = renew(session, work, until=now + LEASE)
        finally:
            if not owed:
                with self._running_guard:
                    del self._running[key]
        return owed

    def _renew_running(self, now: datetime) -> None:
        # not before its time, unless the clock was set back
        if self._next_renewal - _RENEW_EVERY <= now < self._next_renewal:
            return
        self._next_renewal = now + _RENEW_EVERY
        with self._running_guard:
            works = list(self._running.values())
        if works:
            with self._services.database.writing() as session:
                for work in works:
                    renew(session, work, until=now + LEASE)

    def _derive(self, work: Work) -> None:
        report = self._services.deriver.derive_study(work.institution_code, work.subject)
        log.info("study derived", study_instance_uid=work.subject, report=str(report))
        self._services.retrieval.prepare_metadata(work.institution_code, work.subject)

    def _read_paper(self, work: Work) -> None:
        read_paper(self._services, institution_code=work.institution_code, paper_id=work.subject)

    def _notify(self, work: Work) -> None:
        send_notice(self._services, work)

    def _register(self, work: Work) -> None:
        register_study(self._services, institution_code=work.institution_code, study_instance_uid=work.subject)

    def _tell_order(self, work: Work) -> None:
        tell_order(self._services, institution_code=work.institution_code, view_record_id=work.subject)

    def _prefetch(self, work: Work) -> None:
        prefetch_history(self._services, work)

    def _report_commitment(self, work: Work) -> None:
        report_commitment(self._services, int(work.subject))

    def _dispose(self, work: Work) -> None:
        run_plan(self._services, work.subject, Actor("system", "worker", work.institution_code))

    def _compact(self, _work: Work) -> None:
        done = compact(self._services)
        log.info("segments compacted", deleted=done.deleted, freed_bytes=done.freed_bytes, damaged=len(done.damaged))

    def _normalise(self, work: Work) -> None:
        self._services.normaliser.normalise_study(work.institution_code, work.subject)

    def _renormalise(self, work: Work) -> None:
        done = self._services.normaliser.normalise_waiting(work.institution_code, stop=self._stop.is_set)
        log.info("studies normalised again", studies=done)

    def _keep_storage(self, work: Work) -> None:
        keep_storage(self._services, work, going_on=lambda: not self._stop.is_set())

    def _lead(self) -> None:
        """Follow the feed and seal the audit; one worker of all does so at a time."""
        lock = self._services.redis.lock("worker-leader", timeout=_LEADER_SECONDS, thread_local=False)
        leading = False
        while not self._stop.is_set():
            pause = _IDLE_SECONDS
            try:
                self._renew_running(self._services.clock())
                was_leading = leading
                leading = lock.reacquire() if leading else lock.acquire(blocking=False)
                if leading and not was_leading:
                    self._sealed_before = None  # another may have led meanwhile
                if leading:
                    pause = self._follow()
            except Exception as error:  # noqa: BLE001  # a passing fault of database or Redis must not end the loop
                leading = False
                log.warning("leader faltered", **describe(error))
                self._stop.wait(_PAUSE_SECONDS)
            if pause:
                self._stop.wait(pause)
        if leading:
            lock.release()

    def _follow(self) -> float:
        """Do what there is to do; return after how many seconds to look again. Idle, it costs one reading transaction.

        While images pour in, each look finds a few changes: they are gathered until the next look, for intake wants
        the database.
        """
        now = self._services.clock()
        with self._services.database.reading() as session:
            unread = anything_unread(session, *self._more_readers)
            due = anything_due(session, now)
            unsealed = anything_unsealed(session, self._sealed_before)
        busy = False
        if unread:
            readers = (match_arrivals, self._owe_derivations, self._owe_notices, audit_changes)
            for reader in (*readers, *self._more_readers.values()):
                busy |= self._guarded(self._read_feed, reader, now)
        if due or unread:
            busy |= self._guarded(self._call_jobs, now)
        if unsealed or unread:
            busy |= self._guarded(self._seal, now)
        self._guarded(self._sweep, now)
        if busy:
            return 0
        return _GATHER_SECONDS if unread else _IDLE_SECONDS

    def _guarded(self, step: Callable[..., bool], *arguments: object) -> bool:
        """Take a step; one that fails is logged and tried again, and does not keep the others from theirs."""
        try:
            return step(*arguments)
        except Exception as error:  # noqa: BLE001  # as above
            log.warning("step failed", **describe(error))
            self._stop.wait(_PAUSE_SECONDS)
            return False

    def _read_feed(self, reader: Callable[[Session, datetime], int], now: datetime) -> bool:
        with self._services.database.writing() as session:
            return reader(session, now) >= CHANGES_AT_ONCE

    def _owe_derivations(self, session: Session, now: datetime) -> int:
        quiet = timedelta(seconds=self._services.settings.derive_quiet_seconds)
        return owe_derivations(session, now, quiet=quiet)

    def _owe_normalising(self, session: Session, now: datetime) -> int:
        return owe_normalising(session, now, quiet=timedelta(seconds=self._services.settings.derive_quiet_seconds))

    def _owe_notices(self, session: Session, now: datetime) -> int:
        return owe_notices(session, now, self._services.link_issuer, newest=self._services.newest_told)

    def _owe_registrations(self, session: Session, now: datetime) -> int:
        return owe_registrations(session, now, quiet=timedelta(seconds=self._services.settings.derive_quiet_seconds))

    def _owe_prefetches(self, session: Session, now: datetime) -> int:
        return owe_prefetches(self._services, session, now)

    def _call_jobs(self, now: datetime) -> bool:
        free = {kind: room(self._broker, kind, most=_MOST_QUEUED) for kind in KINDS}
        with self._services.database.writing() as session:
            works = [work for kind in KINDS for work in lease_due(session, now, kind=kind, most=free[kind])]
        send(self._broker, works)
        return bool(works)

    def _seal(self, now: datetime) -> bool:
        with self._services.database.writing() as session:
            sealed, head = seal_pending(session, self._services.keys.audit, since=self._sealed_before)
        if sealed:
            self._services.audit_anchor.remember(head)
        else:
            self._sealed_before = now - MAY_WAIT
        return sealed >= SEALED_AT_ONCE

    def _sweep(self, now: datetime) -> bool:
        """Bring together what was committed at the same instant and did not see each other."""
        if self._next_sweep - _SWEEP_EVERY <= now < self._next_sweep:
            return False
        self._next_sweep = now + _SWEEP_EVERY
        services = self._services
        with services.database.writing() as session:
            recall_far_off(session, now)
            owe_upkeep(services, session, now)
            owe_compaction(session, services.settings.hospital.institution_code, now)
            matched = match_waiting_studies(session, now) + match_waiting_reports(session, now)
            matched += follow_merges(session, now, HOLDINGS) + link_certain_reports(session, now)
            owe_renormalising(session, now)
        replayed = replay_quarantined(
            profile=services.intake_profile,
            sessions=services.database.writes,
            cipher=services.cipher,
            blobs=services.blobs,
            now=now,
        )
        if matched or replayed:
            log.info("waiting records matched", matched=matched, replayed=replayed)
        return False


def _as_actor(
    run: Callable[[Work, Callable[[Work], None]], None], kind: str, job: Callable[[Work], None]
) -> Callable[[str, str, int], None]:
    def actor(institution_code: str, subject: str, generation: int) -> None:
        run(Work(kind, institution_code, subject, generation), job)

    return actor
