"""What a person decides about an item of the archive, and undoing it. Each is one transaction of the caller's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.intake import take_back_report
from imaging_core.patients.decision_tables import LookalikeRow, PatientDecisionRow
from imaging_core.patients.decisions import (
    By,
    NewPatient,
    Taken,
    merge_patients,
    move_to_patient,
    undo_decision,
)
from imaging_core.patients.holdings import Holding
from imaging_core.reports.scoring import certain, link_report, study_candidates
from imaging_core.reports.tables import ReportRow
from imaging_core.worklist.errors import CannotUndo, ItemGone, RemedyUnsuitable
from imaging_core.worklist.items import ARRIVES_LATER, Item, ItemKind, Remedy
from imaging_core.worklist.revisions import restore_revisions, settle_revisions
from imaging_core.worklist.tables import WorklistDecisionRow

SYSTEM: Final = "system"
"""Who decided what nobody had to."""
_TRIED_FOR: Final = timedelta(days=30)
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose: a patient, a new one, a study. Which of them is needed depends on the remedy."""

    patient: PatientKey | None = None
    new_patient: NewPatient | None = None
    study: StudyInstanceUid | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    session: Session
    code: InstitutionCode
    item: Item
    choice: Choice
    by: By
    holdings: Sequence[Holding]


def decide(
    session: Session,
    item: Item,
    remedy: Remedy,
    choice: Choice,
    *,
    institution_code: InstitutionCode,
    by: By,
    holdings: Sequence[Holding],
) -> WorklistDecisionRow:
    """Apply a remedy that needs the index alone, and write it down.

    Raises:
        RemedyUnsuitable: it is none of this item, or what it needs was not chosen.
        ItemGone: what it is about is not there any more.
        DecisionError: the decision about patients cannot be made.
    """
    act = _ACTS.get(remedy)
    if act is None or remedy not in item.remedies:
        raise RemedyUnsuitable("remedy")
    before = act(_Case(session, institution_code, item, choice, by, holdings))
    return note_decision(session, item, remedy, institution_code=institution_code, by=by, before=before)


def note_decision(
    session: Session,
    item: Item,
    remedy: Remedy,
    *,
    institution_code: str,
    by: By,
    before: dict[str, Any] | PatientDecisionRow,
) -> WorklistDecisionRow:
    """Write down what was decided about an item."""
    about_patients = isinstance(before, PatientDecisionRow)
    row = WorklistDecisionRow(
        institution_code=institution_code,
        kind=item.kind,
        subject=item.subject,
        state=item.state,
        remedy=remedy,
        reason=by.reason,
        actor=by.actor,
        at=by.at,
        patient_decision=before.id if isinstance(before, PatientDecisionRow) else None,
        before={} if about_patients else before,
    )
    session.add(row)
    session.flush()
    return row


def undo(session: Session, row: WorklistDecisionRow, *, by: By, holdings: Sequence[Holding]) -> None:
    """Undo one decision.

    Raises:
        CannotUndo: something came since, or it was undone before, or it only let something be tried again.
        DecisionError: the decision about patients cannot be undone yet; it names the later ones.
    """
    if row.undone_at is not None or not _undone(session, row, by, holdings):
        raise CannotUndo(row.id)
    row.undone_at, row.undone_by, row.undone_reason = by.at, by.actor, by.reason
    session.flush()


def _undone(session: Session, row: WorklistDecisionRow, by: By, holdings: Sequence[Holding]) -> bool:
    if row.patient_decision is not None:
        undo_decision(session, row.patient_decision, institution_code=row.institution_code, by=by, holdings=holdings)
        return True
    if row.remedy in {Remedy.KEEP, Remedy.ADOPT}:
        return restore_revisions(session, row.before, by.at)
    if row.remedy == Remedy.LINK:
        return _unlink(session, row)
    if row.remedy == Remedy.ASSIGN and row.kind == ItemKind.QUARANTINE:
        return take_back_report(session, int(row.subject))
    # ignoring only hides; what was tried again cannot be taken back
    return row.remedy == Remedy.IGNORE


def _unlink(session: Session, row: WorklistDecisionRow) -> bool:
    report = session.scalars(
        select(ReportRow).where(ReportRow.institution_code == row.institution_code, ReportRow.report_key == row.subject)
    ).one_or_none()
    if report is None or report.study_instance_uid != row.before["study"]:
        return False
    report.study_instance_uid = None
    return True


def _assign(case: _Case) -> PatientDecisionRow:
    if case.choice.patient is None:
        raise RemedyUnsuitable("patient")
    return _to(case, case.choice.patient)


def _new_patient(case: _Case) -> PatientDecisionRow:
    if case.choice.new_patient is None:
        raise RemedyUnsuitable("new_patient")
    return _to(case, case.choice.new_patient)


def _to(case: _Case, target: PatientKey | NewPatient) -> PatientDecisionRow:
    taken = Taken([StudyInstanceUid(case.item.subject)])
    return move_to_patient(case.session, taken, institution_code=case.code, former=None, to=target, by=case.by)


def _merge(case: _Case) -> PatientDecisionRow:
    pair = case.session.get(LookalikeRow, int(case.item.subject))
    if pair is None:
        raise ItemGone
    both = {pair.first_patient, pair.second_patient}
    into = case.choice.patient
    if into not in both:
        raise RemedyUnsuitable("patient")
    (merged,) = both - {into}
    return merge_patients(
        case.session, into=PatientKey(into), merged=PatientKey(merged), by=case.by, holdings=case.holdings
    )


def _settle(case: _Case, *, adopt_newest: bool) -> dict[str, Any]:
    return settle_revisions(case.session, case.code, case.item.subject, adopt_newest=adopt_newest, now=case.by.at)


def _link(case: _Case) -> dict[str, Any]:
    report = case.session.scalars(
        select(ReportRow)
        .where(
            ReportRow.institution_code == case.code,
            ReportRow.report_key == case.item.subject,
            ReportRow.study_instance_uid.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if report is None:
        raise ItemGone
    study = case.session.scalars(
        select(StudyRow).where(
            StudyRow.institution_code == case.code,
            StudyRow.study_instance_uid == case.choice.study,
            StudyRow.patient_key == report.patient_key,
        )
    ).one_or_none()
    if study is None:
        raise RemedyUnsuitable("study")
    link_report(case.session, report, study, case.by.at)
    return {"study": study.study_instance_uid}


_ACTS: Final[dict[Remedy, Callable[[_Case], dict[str, Any] | PatientDecisionRow]]] = {
    Remedy.ASSIGN: _assign,
    Remedy.NEW_PATIENT: _new_patient,
    Remedy.MERGE: _merge,
    Remedy.KEEP: lambda case: _settle(case, adopt_newest=False),
    Remedy.ADOPT: lambda case: _settle(case, adopt_newest=True),
    Remedy.LINK: _link,
    Remedy.IGNORE: lambda _case: {},
}


def link_certain_reports(session: Session, now: datetime) -> int:
    """Give waiting reports the one study that is certainly theirs; return how many. For a schedule; each can be undone.

    Only what had time to find its study by number, and what nobody parted from a study before.
    """
    waiting = session.scalars(
        select(ReportRow)
        .where(
            ReportRow.study_instance_uid.is_(None),
            ReportRow.created_at < now - ARRIVES_LATER,
            ReportRow.created_at > now - _TRIED_FOR,
            ReportRow.report_key.not_in(
                select(WorklistDecisionRow.subject).where(WorklistDecisionRow.kind == ItemKind.UNMATCHED_REPORT)
            ),
        )
        .order_by(ReportRow.id)
        .limit(_AT_ONCE)
    ).all()
    linked = 0
    for report in waiting:
        found = certain(study_candidates(session, report))
        if found is None:
            continue
        link_report(session, report, found.study, now)
        item = Item(ItemKind.UNMATCHED_REPORT, report.report_key, "no_study", report.created_at)
        note_decision(
            session,
            item,
            Remedy.LINK,
            institution_code=report.institution_code,
            by=By(SYSTEM, f"自动：得分 {found.score}", now),
            before={"study": found.study.study_instance_uid},
        )
        linked += 1
    return linked
