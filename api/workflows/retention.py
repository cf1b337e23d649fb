"""Disposal and compaction across packages: what the archive gives up the service gives up too, and the audit tells."""

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

import api.db.metadata  # noqa: F401  # every table that names a study is known
from api.audit.record import Actor, record
from api.db.tables import AnswerRow, ConversationRow, WorkRow
from api.jobs import COMPACT, owe
from api.processes.upkeep import upkeep
from api.wiring import Services
from imaging_core.blobs import BlobRef, ReplicatedBlobStore, SegmentBlobStore
from imaging_core.blobs.port import BlobStore
from imaging_core.blobs.segments.compaction import Limits
from imaging_core.derive import DerivedStore
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.retention.disposal import Archive, Settled, carry_out
from imaging_core.retention.places import IndexPlaces
from imaging_core.retention.tables import DisposedStudyRow, PlannedStudyRow
from imaging_core.retention.terms import Policy, policies, read_policies

_NIGHT_HOUR = 2


class BytesStillWanted(Exception):
    """Bytes of a plan were put again a moment ago: whether they may go is seen in an hour."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did to the stores of an installation."""

    rewritten: int = 0
    deleted: int = 0
    freed_bytes: int = 0
    held: int = 0
    damaged: tuple[str, ...] = ()


def policy_versions(services: Services) -> tuple[Policy, ...]:
    """Return the policies of this installation: those of its own file, or those shipped."""
    file = services.settings.retention.policy_file
    return policies() if file is None else read_policies(file.read_text("utf-8"))


def run_plan(services: Services, plan_key: str, actor: Actor) -> None:
    """Carry out an approved plan to its end, or go on with it.

    Raises:
        UpkeepBusy: a backup or another run has the archive.
        RetentionError: the plan may not be carried out.
        BytesStillWanted: all rows are gone, some bytes have to wait.
    """
    code = actor.institution_code

    def also(session: Session, line: PlannedStudyRow, settled: Settled) -> None:
        _forget_conversations(session, code, settled.report_keys)
        if not settled.dropped_because:
            session.execute(
                delete(WorkRow).where(WorkRow.institution_code == code, WorkRow.subject == line.study_instance_uid)
            )
        action = "retention.study_kept" if settled.dropped_because else "retention.study_disposed"
        detail = {"plan": plan_key, "instances": settled.instances, "because": settled.dropped_because}
        record(
            session,
            actor,
            action,
            object_kind="study",
            object_id=line.study_instance_uid,
            now=services.clock(),
            detail=detail,
        )

    derived = DerivedStore(services.settings.data / "derived")

    def drop_derived(institution: str, study: str) -> None:
        shutil.rmtree(derived.study_folder(institution, study), ignore_errors=True)

    archive = Archive(services.database.writes, services.blobs, drop_derived, services.clock)
    with upkeep(services.settings.data):
        done = carry_out(
            archive,
            institution_code=code,
            plan_key=plan_key,
            versions=policy_versions(services),
            by=actor.actor_id,
            also=also,
        )
    if not done:
        raise BytesStillWanted
    with services.database.writing() as session:
        record(
            session, actor, "retention.plan_done", object_kind="disposal_plan", object_id=plan_key, now=services.clock()
        )


def _forget_conversations(session: Session, code: str, report_keys: tuple[str, ...]) -> None:
    if not report_keys:
        return
    of_reports = (ConversationRow.institution_code == code) & ConversationRow.report_key.in_(report_keys)
    session.execute(
        delete(AnswerRow).where(AnswerRow.conversation_id.in_(select(ConversationRow.id).where(of_reports)))
    )
    session.execute(delete(ConversationRow).where(of_reports))


def compact(services: Services, *, share: float | None = None, kept: timedelta | None = None) -> Compacted:
    """Give room of disposed instances back to the disk, in every store of segments there is.

    Raises:
        UpkeepBusy: a backup or a disposal has the archive.
    """
    limits = Limits(dead_share=services.settings.retention.compact_share if share is None else share)
    if kept is not None:
        limits = Limits(dead_share=limits.dead_share, kept=kept)
    total = Compacted()
    with upkeep(services.settings.data):
        for store, replica in _segment_stores(services.blobs):
            places = IndexPlaces(services.database.reads, services.database.writes, replica=replica)
            done = store.compactor(places, limits).run()
            total = Compacted(
                total.rewritten + len(done.rewritten),
                total.deleted + len(done.deleted),
                total.freed_bytes + done.freed_bytes,
                total.held + len(done.held),
                (*total.damaged, *done.damaged),
            )
    if total != Compacted():
        with services.database.writing() as session:
            actor = Actor("system", "worker", services.settings.hospital.institution_code)
            detail = {**asdict(total), "damaged": len(total.damaged)}
            record(
                session,
                actor,
                "retention.compacted",
                object_kind="archive",
                object_id="-",
                now=services.clock(),
                detail=detail,
            )
    return total


def _segment_stores(blobs: BlobStore) -> list[tuple[SegmentBlobStore, bool]]:
    """Return the stores of segments, and whether each is a replica."""
    sides = [(blobs, False)]
    if isinstance(blobs, ReplicatedBlobStore):
        names = [copy.name for copy in blobs.copies(BlobRef("", 0, ""))]
        sides = [(blobs.side(name), name == "replica") for name in names]
    return [(store, replica) for store, replica in sides if isinstance(store, SegmentBlobStore)]


def owe_compaction(session: Session, code: str, now: datetime) -> None:
    """Owe compaction for the coming night, once."""
    owed = select(WorkRow.id).where(WorkRow.kind == COMPACT, WorkRow.institution_code == code)
    if session.scalars(owed).first() is not None:
        return
    night = now.astimezone(CHINA).replace(hour=_NIGHT_HOUR, minute=0, second=0, microsecond=0)
    if night <= now:
        night += timedelta(days=1)
    owe(session, kind=COMPACT, institution_code=code, subject="segments", due_at=night)


def note_what_came_again(session: Session, studies: Iterable[tuple[str, str]], now: datetime) -> None:
    """Note for a person which disposed studies came anew: they are kept as any other arrival."""
    for code, study in studies:
        rows = session.scalars(
            update(DisposedStudyRow)
            .where(
                DisposedStudyRow.institution_code == code,
                DisposedStudyRow.study_instance_uid == study,
                DisposedStudyRow.came_again_at.is_(None),
            )
            .values(came_again_at=now)
            .returning(DisposedStudyRow.id)
        ).all()
        if rows:
            actor = Actor("system", "worker", code)
            record(session, actor, "retention.study_came_again", object_kind="study", object_id=study, now=now)
