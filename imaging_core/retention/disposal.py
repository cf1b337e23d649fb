"""Carrying out an approved plan: each study is looked at once more, then its rows go, then its bytes.

The rows of a study, its tombstone and the list of bytes to be given up are one transaction. What is killed goes on
where it stopped: a line that is planned is not done yet, and bytes that are on the list are still to be given up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import ColumnElement, Table, delete, or_, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.blobs.port import BETWEEN
from imaging_core.documents.tables import DocumentRow
from imaging_core.index.base import Base
from imaging_core.index.tables import InstanceRow, QuarantineRow, StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.tables import ReportRow
from imaging_core.retention.errors import PlanClosed
from imaging_core.retention.holds import Held
from imaging_core.retention.plans import (
    current_term,
    digest_of_instances,
    find_plan,
    instances_of_study,
    require_unchanged,
)
from imaging_core.retention.tables import (
    DisposalPlanRow,
    DisposedInstanceRow,
    DisposedStudyRow,
    HoldRow,
    PendingRemovalRow,
    PlannedStudyRow,
)
from imaging_core.retention.terms import Policy

_STILL_TELL: Final = frozenset(
    {
        "changes",  # what happened; consumers may not have read it yet
        "migrated_studies",  # an old PACS is not asked for it again
        "platform_registrations",  # the platform still lists it
        *(row.__tablename__ for row in (HoldRow, PlannedStudyRow, DisposedStudyRow, PendingRemovalRow)),
    }
)
"""Tables that go on naming a study by its UID. Every other table loses its rows, also one that is made later."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a line: disposed of, or dropped and why. `report_keys`: of the reports that went with it."""

    dropped_because: str = ""
    instances: int = 0
    report_keys: tuple[str, ...] = ()


Also = Callable[[Session, PlannedStudyRow, Settled], None]
"""Done in the transaction of a line: what others keep of the study, and the audit."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What disposal works on. `drop_derived` deletes what was made from a study."""

    writes: sessionmaker[Session]
    blobs: BlobStore
    drop_derived: Callable[[str, str], None]
    clock: Callable[[], datetime]


def carry_out(
    archive: Archive,
    *,
    institution_code: str,
    plan_key: str,
    versions: Sequence[Policy],
    by: str,
    also: Also = lambda _session, _line, _settled: None,
) -> bool:
    """Carry out an approved plan, or go on with one that was cut off; return whether it is done.

    It is not when bytes are left that somebody put again a moment ago: call again in an hour.

    Raises:
        PlanNotFound: there is no such plan.
        PlanClosed: it is not approved.
        PlanChanged: its lines are not those that were approved.
    """
    with archive.writes.begin() as session:
        plan = find_plan(session, institution_code, plan_key)
        if plan.state == "done":
            return True
        if plan.state not in ("approved", "running"):
            raise PlanClosed(plan.state)
        require_unchanged(session, plan)
        plan.started_by = plan.started_by or by
        plan.state = "running"
    while _settle_next(archive, institution_code, plan_key, versions, also):
        pass
    _drop_derived(archive, plan_key)
    _give_up_bytes(archive, plan_key)
    with archive.writes.begin() as session:
        plan = find_plan(session, institution_code, plan_key)
        if _pending(session, plan_key):
            return False
        plan.state, plan.finished_at = "done", archive.clock()
    return True


def _settle_next(
    archive: Archive, institution_code: str, plan_key: str, versions: Sequence[Policy], also: Also
) -> bool:
    with archive.writes.begin() as session:
        plan = find_plan(session, institution_code, plan_key)
        line = session.scalars(
            select(PlannedStudyRow)
            .where(PlannedStudyRow.plan_id == plan.id, PlannedStudyRow.state == "planned")
            .order_by(PlannedStudyRow.id)
            .limit(1)
        ).first()
        if line is None:
            return False
        also(session, line, dispose(session, plan, line, versions=versions, now=archive.clock()))
    return True


def dispose(
    session: Session, plan: DisposalPlanRow, line: PlannedStudyRow, *, versions: Sequence[Policy], now: datetime
) -> Settled:
    """Dispose of a study if still nothing speaks against it: rows, what hangs on them, and the tombstone."""
    study = session.scalars(
        select(StudyRow)
        .where(
            StudyRow.institution_code == line.institution_code,
            StudyRow.study_instance_uid == line.study_instance_uid,
        )
        .with_for_update()  # an image on its way waits, or was first: then the study is another
    ).one_or_none()
    why = _against(session, study, line, versions, now)
    line.settled_at = now
    if study is None or why:
        line.state, line.dropped_because = "dropped", why
        return Settled(why)
    instances = instances_of_study(session, study)
    documents = session.scalars(select(DocumentRow).where(*_of(DocumentRow, line))).all()
    reports = tuple(session.scalars(select(ReportRow.report_key).where(*_of(ReportRow, line))))
    _bury(session, plan, line, instances, documents, now)
    session.flush()
    _delete_rows(session, line, study.id)
    session.expunge(study)
    line.state = "disposed"
    session.flush()
    return Settled("", len(instances), reports)


def _drop_derived(archive: Archive, plan_key: str) -> None:
    with archive.writes.begin() as session:
        studies = {(row.institution_code, row.study_instance_uid) for row in _pending(session, plan_key)}
    for code, study in sorted(studies):
        archive.drop_derived(code, study)


def _give_up_bytes(archive: Archive, plan_key: str) -> None:
    """Have the store give up what the plan's rows named; what another row names too, of any institution, stays."""
    with archive.writes.begin() as session:
        waiting = [row.id for row in _pending(session, plan_key)]
    for key in waiting:
        while not _give_up(archive, key):
            pass  # compaction moved it meanwhile: it is given up at its new place


def _give_up(archive: Archive, key: int) -> bool:
    """Return whether nothing is left to do about it now."""
    with archive.writes.begin() as session:
        row = session.get_one(PendingRemovalRow, key)
        ref, since, code, is_instance = _ref(row), row.since, row.institution_code, row.is_instance
        named = is_named(session, ref)
    if is_instance:
        archive.blobs.forget(ref, institution_code=code, at=since)
    if not named and not archive.blobs.remove(ref):
        return True
    with archive.writes.begin() as session:
        settled = delete(PendingRemovalRow).where(PendingRemovalRow.id == key, PendingRemovalRow.locator == ref.locator)
        return session.scalars(settled.returning(PendingRemovalRow.id)).first() is not None


def is_named(session: Session, ref: BlobRef) -> bool:
    """Return whether any row names these very bytes, of a store with a replica on either side."""
    sides = set(ref.locator.split(BETWEEN)) - {""}
    return any(
        not sides.isdisjoint(locator.split(BETWEEN))
        for table in (InstanceRow, QuarantineRow, DocumentRow)
        for locator in session.scalars(select(table.blob_locator).where(table.blob_digest == ref.digest))
    )


def _against(
    session: Session, study: StudyRow | None, line: PlannedStudyRow, versions: Sequence[Policy], now: datetime
) -> str:
    """Return why a study is not disposed of after all; empty when nothing speaks against it."""
    if study is None:
        return "gone"
    if Held(session, line.institution_code).includes(study):
        return "held"
    patient = session.get(PatientRow, study.patient_key) if study.patient_key is not None else None
    today = now.astimezone(CHINA).date()
    if current_term(session, study, patient, versions, today).keep_until >= today:
        return "rearmed"
    if digest_of_instances(instances_of_study(session, study)) != line.instances_digest:
        return "changed"
    return ""


def _bury(
    session: Session,
    plan: DisposalPlanRow,
    line: PlannedStudyRow,
    instances: Sequence[InstanceRow],
    documents: Sequence[DocumentRow],
    now: datetime,
) -> None:
    stone = DisposedStudyRow(
        institution_code=line.institution_code,
        study_instance_uid=line.study_instance_uid,
        accession_number=line.accession_number,
        plan_key=plan.plan_key,
        policy_version=line.policy_version,
        keep_until=line.keep_until,
        made_by=plan.made_by,
        approved_by=plan.decided_by,
        approved_at=plan.decided_at,
        disposed_at=now,
    )
    session.add(stone)
    session.flush()
    buried: list[InstanceRow | DocumentRow] = [*instances, *documents]
    for row in buried:
        session.add(
            DisposedInstanceRow(
                institution_code=line.institution_code,
                disposed_study_id=stone.id,
                sop_instance_uid=row.sop_instance_uid if isinstance(row, InstanceRow) else "",
                sha256=row.blob_digest,
                size=row.blob_size,
            )
        )
        session.add(
            PendingRemovalRow(
                institution_code=line.institution_code,
                plan_key=plan.plan_key,
                study_instance_uid=line.study_instance_uid,
                digest=row.blob_digest,
                size=row.blob_size,
                locator=row.blob_locator,
                is_instance=isinstance(row, InstanceRow),
                since=now,
            )
        )


def _delete_rows(session: Session, line: PlannedStudyRow, study: int) -> None:
    studies = cast(Table, StudyRow.__table__)
    for rows in Base.metadata.sorted_tables:
        if "study_instance_uid" in rows.c and rows is not studies and rows.name not in _STILL_TELL:
            _delete(session, rows, (rows.c.institution_code == line.institution_code) & _names_study(rows, line))
    _delete(session, studies, studies.c.id == study)


def _names_study(rows: Table, line: PlannedStudyRow) -> ColumnElement[bool]:
    names = [name for name in ("study_instance_uid", "beside_study_uid") if name in rows.c]
    return or_(*(rows.c[name] == line.study_instance_uid for name in names))


def _delete(session: Session, table: Table, wanted: ColumnElement[bool]) -> None:
    """Delete rows, and first whatever refers to them, in tables that are made later too."""
    for other in Base.metadata.sorted_tables:
        for key in other.foreign_keys:
            if key.column.table is table and other is not table:
                _delete(session, other, key.parent.in_(select(key.column).where(wanted)))
    session.execute(delete(table).where(wanted))


def _of(table: type[DocumentRow | ReportRow], line: PlannedStudyRow) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        table.institution_code == line.institution_code,
        table.study_instance_uid == line.study_instance_uid,
    )


def _pending(session: Session, plan_key: str) -> Sequence[PendingRemovalRow]:
    return session.scalars(
        select(PendingRemovalRow).where(PendingRemovalRow.plan_key == plan_key).order_by(PendingRemovalRow.id)
    ).all()


def _ref(row: PendingRemovalRow) -> BlobRef:
    return BlobRef(row.digest, row.size, row.locator)
