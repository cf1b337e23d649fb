"""Decisions of persons about who a study belongs to: assign, move, split, merge, and undo each.

Every decision writes down the rows it moved, and undoing it moves just those back. What was moved again by a later
decision is not touched: the later one must be undone first. See decisions/018-decisions-about-patients.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from imaging_core.documents.tables import LaboratoryResultRow
from imaging_core.domain.identifiers import InstitutionCode, PatientKey, ReportKey, StudyInstanceUid
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.decision_tables import PatientDecisionRow, PatientMovementRow
from imaging_core.patients.errors import (
    AlreadyUndone,
    DecidedLater,
    DecisionNotFound,
    HeldByBoth,
    NothingToMove,
    PatientMerged,
    PatientNotFound,
    PatientNumberTaken,
    SamePatient,
)
from imaging_core.patients.holdings import ARCHIVE, LABORATORY, REPORTS, STUDIES, Holding
from imaging_core.patients.identity import written_name
from imaging_core.patients.name_search import file_name
from imaging_core.patients.registry import addressed_record
from imaging_core.patients.tables import NameKeyRow, PatientRow
from imaging_core.patients.visits import set_visits, take_over_visits, visits_of
from imaging_core.reports.filing import match_reports
from imaging_core.reports.tables import ReportRow
from imaging_core.sharing.tables import GrantRow

MOVED = "study_moved"
"""Kind of change: a person gave a study to another patient; `subject` is the decision."""


class DecisionKind(StrEnum):
    """What was decided."""

    ASSIGN = "assign"
    """Studies that were nobody's belong to a patient."""
    MOVE = "move"
    """Studies of one patient belong to another one."""
    SPLIT = "split"
    """Some studies of a patient belong to somebody who was not on record."""
    MERGE = "merge"
    """Two records are one person."""


@dataclass(frozen=True, slots=True)
class By:
    """Who decides, and why."""

    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewPatient:
    """A patient to be put on record by the decision; without a number of the hospital one is made up."""

    name: str = field(repr=False)
    patient_id: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What goes to another patient: studies with all that hangs on them, and laboratory reports by number."""

    studies: Sequence[StudyInstanceUid] = ()
    laboratory_reports: Sequence[str] = ()


def merge_patients(
    session: Session, *, into: PatientKey, merged: PatientKey, by: By, holdings: Sequence[Holding] = ARCHIVE
) -> PatientDecisionRow:
    """Let everything of `merged` be `into`'s, now and whenever something else comes for it (`follow_merges`).

    Raises:
        SamePatient: both are one record.
        PatientNotFound: one is not on record, or they are of two institutions.
        PatientMerged: one was merged before.
        HeldByBoth: both have a report of one number, so that it cannot be told which is right.
    """
    if into == merged:
        raise SamePatient
    rows = _locked(session, into, merged)
    survivor, gone = rows[into], rows[merged]
    if survivor.institution_code != gone.institution_code:
        raise PatientNotFound(InstitutionCode(survivor.institution_code))
    decision = _decision(session, DecisionKind.MERGE, gone.id, survivor, by)
    gone.merged_into = survivor.id
    moved = _move_all(session, decision, gone.id, holdings)
    _end_grants(session, gone.id, by.at)
    own = visits_of(survivor)
    take_over_visits(survivor, gone)
    decision.before = {"own": own, "taken": visits_of(survivor)}
    survivor.updated_at = gone.updated_at = by.at
    _tell(session, decision, moved, by.at)
    return decision


def move_to_patient(
    session: Session,
    taken: Taken,
    *,
    institution_code: InstitutionCode,
    former: PatientKey | None,
    to: PatientKey | NewPatient,
    by: By,
) -> PatientDecisionRow:
    """Give studies, and laboratory reports, of one patient (None: of nobody) to another one.

    Reports and documents go with their study. Links of the former patient to these studies open nothing any more,
    and what its visitors had open is closed at once.

    Raises:
        NothingToMove: some of it is not `former`'s, or `to` has it already.
        PatientMerged: `to` was merged into another record.
        PatientNotFound: `to` is not on record, or of another institution.
        PatientNumberTaken: a new patient would get the number of a known one.
        HeldByBoth: `to` has a report or laboratory line of the same number.
    """
    studies = _owned_studies(session, taken, institution_code, former)
    lines = _owned_lines(session, taken, institution_code, former)
    if not (studies or lines) or to == former:
        raise NothingToMove
    made = isinstance(to, NewPatient)
    target = _new_patient(session, institution_code, to, by.at) if isinstance(to, NewPatient) else _one(session, to)
    if target.institution_code != institution_code:
        raise PatientNotFound(institution_code)
    kind = DecisionKind.ASSIGN if former is None else DecisionKind.SPLIT if made else DecisionKind.MOVE
    decision = _decision(session, kind, former, target, by)
    decision.made_patient = made
    _move(session, decision, STUDIES, studies)
    _move(session, decision, REPORTS, _reports_of(session, studies, former), strict=True)
    _move(session, decision, LABORATORY, lines, strict=True)
    if former is not None:
        _end_grants(session, former, by.at)
    _tell(session, decision, studies, by.at)
    for study in studies:
        match_reports(session, study, by.at)
    return decision


def undo_decision(
    session: Session, decision_id: int, *, institution_code: str, by: By, holdings: Sequence[Holding] = ARCHIVE
) -> PatientDecisionRow:
    """Move back what a decision moved, and what came through a merge since.

    Raises:
        DecisionNotFound: there is none of this number at the institution.
        AlreadyUndone: it was undone before.
        DecidedLater: a later decision moved some of it again, and must be undone first.
        HeldByBoth: what goes back is there again.
    """
    decision = session.scalars(
        select(PatientDecisionRow)
        .where(PatientDecisionRow.id == decision_id, PatientDecisionRow.institution_code == institution_code)
        .with_for_update()
    ).one_or_none()
    if decision is None:
        raise DecisionNotFound(decision_id)
    if decision.undone_at is not None:
        raise AlreadyUndone(decision_id)
    moved = _movements(session, decision, holdings)
    _refuse_if_moved_on(session, decision, moved)
    studies = [row for holding, row in moved if holding is STUDIES]
    _detach_reports(session, decision, studies, [row.id for holding, row in moved if holding.table is ReportRow])
    for holding, row in moved:
        _refuse_taken(session, holding, [row], decision.from_patient)
        row.patient_key = decision.from_patient
    session.flush()
    if decision.kind == DecisionKind.MERGE:
        _unmerge(session, decision, by.at)
    _end_grants(session, decision.to_patient, by.at)
    decision.undone_at, decision.undone_by, decision.undone_reason = by.at, by.actor, by.reason
    if decision.made_patient:
        _remove_if_empty(session, decision.to_patient, holdings)
    _tell(session, decision, studies, by.at)
    return decision


def follow_merges(session: Session, now: datetime, holdings: Sequence[Holding] = ARCHIVE) -> int:
    """Give what came for merged numbers to the patients they were merged into; return how many rows. For a schedule.

    Each becomes a part of its merge, so that undoing the merge takes it back as well.
    """
    merges = session.scalars(
        select(PatientDecisionRow)
        .join(PatientRow, PatientRow.id == PatientDecisionRow.from_patient)
        .where(
            PatientDecisionRow.kind == DecisionKind.MERGE,
            PatientDecisionRow.undone_at.is_(None),
            PatientRow.merged_into == PatientDecisionRow.to_patient,
        )
        .order_by(PatientDecisionRow.id)  # merged twice over: step by step
    ).all()
    followed = 0
    for decision in merges:
        assert decision.from_patient is not None  # noqa: S101  # a merge has both
        before = len(decision.movements)
        studies = _move_all(session, decision, decision.from_patient, holdings)
        _tell(session, decision, studies, now)
        followed += len(decision.movements) - before
    return followed


def note_report(session: Session, report: ReportKey, *, institution_code: InstitutionCode, patient_id: str) -> None:
    """Make a report that came for a merged number, and was filed with the person's record, a part of that merge."""
    patient = addressed_record(session, institution_code=institution_code, patient_id=patient_id)
    while patient is not None and patient.merged_into is not None:
        decision = session.scalars(
            select(PatientDecisionRow)
            .where(
                PatientDecisionRow.kind == DecisionKind.MERGE,
                PatientDecisionRow.from_patient == patient.id,
                PatientDecisionRow.undone_at.is_(None),
            )
            .order_by(PatientDecisionRow.id.desc())
            .limit(1)
        ).one()
        row = session.scalars(select(ReportRow.id).where(ReportRow.report_key == report)).one()
        _note(decision, REPORTS, row)
        patient = session.get_one(PatientRow, patient.merged_into)
    session.flush()


def _locked(session: Session, *keys: PatientKey) -> dict[int, PatientRow]:
    """Return patients that may take part in a decision, held until its end; in one order for all."""
    rows = {
        row.id: row
        for row in session.scalars(
            select(PatientRow).where(PatientRow.id.in_(keys)).order_by(PatientRow.id).with_for_update()
        )
    }
    if len(rows) != len(set(keys)):
        raise PatientNotFound(InstitutionCode(""))
    for row in rows.values():
        if row.merged_into is not None:
            raise PatientMerged(PatientKey(row.id))
    return rows


def _decision(
    session: Session, kind: DecisionKind, former: int | None, target: PatientRow, by: By
) -> PatientDecisionRow:
    row = PatientDecisionRow(
        institution_code=target.institution_code,
        kind=kind,
        from_patient=former,
        to_patient=target.id,
        before={},
        actor=by.actor,
        reason=by.reason,
        at=by.at,
    )
    session.add(row)
    session.flush()
    return row


def _move_all(
    session: Session, decision: PatientDecisionRow, former: int, holdings: Sequence[Holding]
) -> list[StudyRow]:
    """Move every row of a merged patient; return the studies among them. What both have once stays where it is."""
    moved: list[StudyRow] = []
    for holding in holdings:
        table = holding.table
        rows = session.scalars(select(table).where(table.patient_key == former).order_by(table.id)).all()
        taken = _taken(session, holding, rows, decision.to_patient)
        going = [row for row in rows if not holding.once or holding.identity(row) not in taken]
        if holding is REPORTS and any(row.study_instance_uid for row in rows if row not in going):
            raise HeldByBoth(holding.name)
        _move(session, decision, holding, going)
        if holding is STUDIES:
            moved = list(going)
    return moved


def _move(
    session: Session, decision: PatientDecisionRow, holding: Holding, rows: Iterable[Any], *, strict: bool = False
) -> None:
    rows = list(rows)
    if strict:
        _refuse_taken(session, holding, rows, decision.to_patient)
    for row in rows:
        row.patient_key = decision.to_patient
        _note(decision, holding, row.id)
    session.flush()


def _note(decision: PatientDecisionRow, holding: Holding, row_id: object) -> None:
    decision.movements.append(
        PatientMovementRow(institution_code=decision.institution_code, table_name=holding.name, row_id=str(row_id))
    )


def _taken(session: Session, holding: Holding, rows: Sequence[Any], patient: int | None) -> set[tuple[Any, ...]]:
    """Return what a patient has already of what it can have only once."""
    if not holding.once or not rows or patient is None:
        return set()
    first = getattr(holding.table, holding.once[0])
    there = session.scalars(
        select(holding.table).where(
            holding.table.patient_key == patient,
            first.in_({getattr(row, holding.once[0]) for row in rows}),
            holding.table.id.not_in([row.id for row in rows]),
        )
    )
    return {holding.identity(row) for row in there}


def _refuse_taken(session: Session, holding: Holding, rows: Sequence[Any], patient: int | None) -> None:
    taken = _taken(session, holding, rows, patient)
    if any(holding.identity(row) in taken for row in rows if holding.once):
        raise HeldByBoth(holding.name)


def _one(session: Session, key: PatientKey) -> PatientRow:
    return _locked(session, key)[key]


def _owned_studies(session: Session, taken: Taken, institution_code: str, former: PatientKey | None) -> list[StudyRow]:
    rows = session.scalars(
        select(StudyRow)
        .where(StudyRow.institution_code == institution_code, StudyRow.study_instance_uid.in_(taken.studies))
        .order_by(StudyRow.id)
        .with_for_update()
    ).all()
    if len(rows) != len(set(taken.studies)) or any(row.patient_key != former for row in rows):
        raise NothingToMove
    return list(rows)


def _owned_lines(
    session: Session, taken: Taken, institution_code: str, former: PatientKey | None
) -> list[LaboratoryResultRow]:
    if not taken.laboratory_reports:
        return []
    rows = session.scalars(
        select(LaboratoryResultRow)
        .where(
            LaboratoryResultRow.institution_code == institution_code,
            LaboratoryResultRow.patient_key == former,
            LaboratoryResultRow.report_number.in_(taken.laboratory_reports),
        )
        .order_by(LaboratoryResultRow.id)
    ).all()
    if {row.report_number for row in rows} != set(taken.laboratory_reports):
        raise NothingToMove
    return list(rows)


def _reports_of(session: Session, studies: Sequence[StudyRow], patient: int | None) -> Sequence[ReportRow]:
    if patient is None or not studies:
        return []
    return session.scalars(
        select(ReportRow)
        .where(
            ReportRow.institution_code == studies[0].institution_code,
            ReportRow.patient_key == patient,
            ReportRow.study_instance_uid.in_([study.study_instance_uid for study in studies]),
        )
        .order_by(ReportRow.id)
    ).all()


def _new_patient(session: Session, institution_code: InstitutionCode, new: NewPatient, now: datetime) -> PatientRow:
    number = new.patient_id or f"MY-{uuid4().hex[:12].upper()}"
    known = select(PatientRow.id).where(
        PatientRow.institution_code == institution_code, PatientRow.patient_id == number
    )
    if session.scalars(known).first() is not None:
        raise PatientNumberTaken(institution_code)
    row = PatientRow(
        institution_code=institution_code,
        patient_id=number,
        name=written_name(new.name),
        sex=new.sex,
        birth_date=new.birth_date,
        registered_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    file_name(session, row)
    return row


def _remove_if_empty(session: Session, patient: int, holdings: Sequence[Holding]) -> None:
    """Take a patient off record whom a decision put there, unless something came for it since."""
    row = session.get_one(PatientRow, patient)
    named = [holding.table.patient_key for holding in holdings] + [GrantRow.patient_key, PatientRow.merged_into]
    if row.updated_at != row.registered_at or any(
        session.scalars(select(column).where(column == patient).limit(1)).first() is not None for column in named
    ):
        return
    session.execute(delete(NameKeyRow).where(NameKeyRow.patient_key == patient))
    session.delete(row)
    session.flush()


def _end_grants(session: Session, patient: int, now: datetime) -> None:
    """Close what visitors of a patient have open: they prove who they are again, and see what is theirs now."""
    session.execute(
        update(GrantRow).where(GrantRow.patient_key == patient, GrantRow.revoked_at.is_(None)).values(revoked_at=now)
    )


def _movements(
    session: Session, decision: PatientDecisionRow, holdings: Sequence[Holding]
) -> list[tuple[Holding, Any]]:
    """Return what a decision moved and still is there: patients may have deleted a photograph meanwhile."""
    named = {holding.name: holding for holding in holdings}
    moved = []
    for movement in decision.movements:
        holding = named[movement.table_name]
        key = movement.row_id if holding.table.id.type.python_type is str else int(movement.row_id)
        row = session.get(holding.table, key, with_for_update=True)
        if row is not None:
            moved.append((holding, row))
    return moved


def _refuse_if_moved_on(session: Session, decision: PatientDecisionRow, moved: Sequence[tuple[Holding, Any]]) -> None:
    elsewhere = [(holding.name, str(row.id)) for holding, row in moved if row.patient_key != decision.to_patient]
    if not elsewhere:
        return
    later = session.scalars(
        select(PatientMovementRow.decision_id)
        .join(PatientDecisionRow, PatientDecisionRow.id == PatientMovementRow.decision_id)
        .where(
            PatientMovementRow.decision_id != decision.id,
            PatientDecisionRow.undone_at.is_(None),
            tuple_(PatientMovementRow.table_name, PatientMovementRow.row_id).in_(elsewhere),
        )
    )
    # movements may join an older merge later, so the order of decisions does not tell which moved a row last
    raise DecidedLater(decision.id, sorted(set(later)))


def _detach_reports(
    session: Session, decision: PatientDecisionRow, studies: Sequence[StudyRow], going: Sequence[int]
) -> None:
    """Let reports that found a study since wait again: they are of the patient it leaves."""
    for report in _reports_of(session, studies, decision.to_patient):
        if report.id not in going:
            report.study_instance_uid = None


def _unmerge(session: Session, decision: PatientDecisionRow, now: datetime) -> None:
    gone = session.get_one(PatientRow, decision.from_patient)
    survivor = session.get_one(PatientRow, decision.to_patient)
    gone.merged_into = None
    if visits_of(survivor) == decision.before.get("taken"):
        set_visits(survivor, decision.before["own"])
    survivor.updated_at = gone.updated_at = now


def _tell(session: Session, decision: PatientDecisionRow, studies: Sequence[StudyRow], now: datetime) -> None:
    # Changes go last: on PostgreSQL the first one takes a lock that every writer of the feed wants.
    session.flush()
    session.add_all(
        ChangeRow(
            institution_code=study.institution_code,
            kind=MOVED,
            study_instance_uid=study.study_instance_uid,
            subject=str(decision.id),
            at=now,
        )
        for study in studies
    )
    session.flush()
