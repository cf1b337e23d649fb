"""The upkeep of stored bytes, a little at a time: one piece of work for each task, owed again when it is done."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.db.tables import WorkRow
from api.jobs import STORAGE, Work, owe
from api.settings import MIB, Settings
from api.wiring import Services
from imaging_core.blobs import ReplicatedBlobStore
from imaging_core.blobs.tiered import Ages, TieredBlobStore
from imaging_core.errors import ImagingError, StorageFull, StoreUnavailable
from imaging_core.scrub import (
    Growth,
    ReplicaStanding,
    Scrub,
    Standing,
    Tiers,
    TierStanding,
    catch_up,
    count_growth,
    growth,
    replica_standing,
    standing,
    tier_standing,
)
from imaging_core.scrub.copies import Source
from imaging_core.scrub.tables import DamageRow

log = structlog.get_logger(__name__)

SCRUB, REPLICA, GROWTH, TIERS = "scrub", "replica", "growth", "tiers"
_EVERY = {
    SCRUB: timedelta(minutes=1),
    REPLICA: timedelta(minutes=1),
    GROWTH: timedelta(hours=1),
    TIERS: timedelta(minutes=5),
}
_LEAST_AT_ONCE = 8 * MIB
_COPIED_AT_ONCE = 1024 * MIB
_SEGMENTS_AT_ONCE = 4
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """What is known of the store: for metrics, the self-test and the page."""

    total: int | None
    """Bytes of the disk; None on S3."""
    free: int | None
    growth: Growth
    per_day: float
    days_left: float | None
    scrub: Standing
    scrub_overdue: bool
    replica: ReplicaStanding | None
    """None without replica."""
    tiers: TierStanding | None
    """None without a colder place."""


def owe_upkeep(services: Services, session: Session, now: datetime) -> None:
    """Owe every task that is not owed."""
    owed = set(session.scalars(select(WorkRow.subject).where(WorkRow.kind == STORAGE)))
    for task in _tasks(services) - owed:
        owe(
            session,
            kind=STORAGE,
            institution_code=services.settings.hospital.institution_code,
            subject=task,
            due_at=now,
        )


def keep_storage(services: Services, work: Work, *, going_on: Callable[[], bool] = lambda: True) -> None:
    """Do some of a task, and owe it again."""
    if work.subject in _tasks(services):
        _DO[work.subject](services, going_on)
        with services.database.writing() as session:
            owe(
                session,
                kind=STORAGE,
                institution_code=work.institution_code,
                subject=work.subject,
                due_at=services.clock() + _EVERY[work.subject],
            )


def scrub_of(services: Services, *, backup: Source | None = None) -> Scrub:
    """Return the scrub of an installation; what it finds is audited."""

    def told(session: Session, damage: DamageRow) -> None:
        record(
            session,
            Actor("system", "scrub", damage.institution_code),
            "archive.bytes_repaired" if damage.repaired_at else "archive.bytes_damaged",
            object_kind="blob",
            object_id=damage.digest,
            now=services.clock(),
            outcome="success" if damage.repaired_at else "failed",
            detail={"copy": damage.copy, "fault": damage.fault, "repaired_from": damage.repaired_from},
        )

    database = services.database
    return Scrub(
        services.blobs, reads=database.reads, writes=database.writes, clock=services.clock, told=told, backup=backup
    )


def figures_of(services: Services) -> StorageFigures:
    """Return what is known of the store."""
    settings, now = services.settings, services.clock()
    with services.database.reading() as session:
        came_in, stands = growth(session), standing(session)
        replica = replica_standing(session) if replicated(services) else None
        tiers = tier_standing(session) if tiered(services) else None
    disk = None if settings.blobs.s3_bucket else shutil.disk_usage(settings.data)
    since = stands.verified_since or stands.pass_began
    return StorageFigures(
        total=disk and disk.total,
        free=disk and disk.free,
        growth=came_in,
        per_day=came_in.per_day(now.date()),
        days_left=came_in.days_left(disk.free, now.date()) if disk else None,
        scrub=stands,
        # two periods: at the end of a pass its first blob was verified almost one period ago
        scrub_overdue=since is not None and now - since > 2 * timedelta(days=settings.blobs.scrub_days),
        replica=replica,
        tiers=tiers,
    )


def _tasks(services: Services) -> set[str]:
    wanted = {SCRUB: True, GROWTH: True, REPLICA: replicated(services), TIERS: tiered(services)}
    return {task for task, where in wanted.items() if where}


def replicated(services: Services) -> ReplicatedBlobStore | None:
    """Return the store when it has a replica."""
    blobs = services.blobs
    return blobs if isinstance(blobs, ReplicatedBlobStore) and blobs.has_replica else None


def tiered(services: Services) -> TieredBlobStore | None:
    """Return the store of segments when it has a colder place."""
    blobs = services.blobs.side("primary") if isinstance(services.blobs, ReplicatedBlobStore) else services.blobs
    return blobs if isinstance(blobs, TieredBlobStore) else None


def cold_bytes(services: Services) -> int:
    """Return how much was moved to a colder place, whether there still is one or not."""
    with services.database.reading() as session:
        return tier_standing(session).cold_bytes


def tiers_of(services: Services) -> Tiers | None:
    """Return what moves segments; None without a colder place."""
    store, database = tiered(services), services.database
    if store is None:
        return None
    return Tiers(store, reads=database.reads, writes=database.writes, clock=services.clock)


def _scrub(services: Services, going_on: Callable[[], bool]) -> None:
    with services.database.reading() as session:
        held = growth(session).bytes * (2 if replicated(services) else 1)
    done = scrub_of(services).some(
        most_bytes=scrub_budget(services.settings, held), pace=pace_of(services.settings, going_on)
    )
    if done.damaged:
        log.error("scrub found damage", damaged=done.damaged, repaired=done.repaired)


def scrub_budget(settings: Settings, held: int) -> int:
    """Return how many bytes to read in one go, so that a pass over all that is held ends within its period."""
    share = _EVERY[SCRUB].total_seconds() / (settings.blobs.scrub_days * _DAY_SECONDS)
    # a tenth in hand, for times when the worker does not run
    wanted = int(held * share * 1.1)
    return max(min(wanted, int(settings.blobs.scrub_bytes_a_second * _EVERY[SCRUB].total_seconds())), _LEAST_AT_ONCE)


def pace_of(settings: Settings, going_on: Callable[[], bool]) -> Callable[[int], None]:
    """Return what waits as long as what was just read should have taken."""

    def pace(size: int) -> None:
        if going_on():
            time.sleep(size / settings.blobs.scrub_bytes_a_second)

    return pace


def _replica(services: Services, going_on: Callable[[], bool]) -> None:
    database, blobs = services.database, replicated(services)
    if blobs is None:
        return
    try:
        done = catch_up(
            blobs,
            reads=database.reads,
            writes=database.writes,
            now=services.clock(),
            most_bytes=_COPIED_AT_ONCE,
            going_on=going_on,
        )
    except (StoreUnavailable, StorageFull, OSError) as error:
        log.error("the replica is down", error=type(error).__name__)
        return
    if done.copied or done.lost:
        log.info("copied to the replica", copied=done.copied, lacking=done.lacking, lost=done.lost)


def _growth(services: Services, _going_on: Callable[[], bool]) -> None:
    database = services.database
    count_growth(reads=database.reads, writes=database.writes, now=services.clock())


def _tiers(services: Services, going_on: Callable[[], bool]) -> None:
    tiers, cold = tiers_of(services), services.settings.blobs.cold
    if tiers is None:
        return
    ages = Ages(after=timedelta(days=cold.after_days), unused=timedelta(days=cold.unused_days))
    try:
        came = tiers.warm_wanted()
        went = 0
        while going_on() and went < _SEGMENTS_AT_ONCE and tiers.cool_one(ages):
            went += 1
    except (ImagingError, OSError) as error:
        log.error("the colder place is down", error=type(error).__name__)
        return
    if came or went:
        log.info("segments moved", to_disk=came, to_cold=went)


_DO: dict[str, Callable[[Services, Callable[[], bool]], None]] = {
    SCRUB: _scrub,
    REPLICA: _replica,
    GROWTH: _growth,
    TIERS: _tiers,
}
