"""Disposal plans: which studies, and why the term of each is over; made by one person and approved by another."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.retention.errors import NothingPastTerm, PlanChanged, PlanClosed, PlanNotFound, SamePerson
from imaging_core.retention.holds import Held
from imaging_core.retention.tables import DisposalPlanRow, PlannedStudyRow
from imaging_core.retention.terms import Policy, Term, policy_on, term_of
from imaging_core.retention.visits import visits_of

MOST_STUDIES = 5_000
_DECIDED_ABOUT = (
    "study_instance_uid",
    "accession_number",
    "study_date",
    "keep_until",
    "counted_from",
    "years",
    "encounter_class",
    "reason",
    "policy_version",
    "instances",
    "size",
    "instances_digest",
)


def make_plan(
    session: Session, *, institution_code: str, versions: Sequence[Policy], by: str, now: datetime
) -> DisposalPlanRow:
    """Propose to dispose of the studies whose term is over, oldest first, at most 5,000 at once; nothing is deleted.

    Raises:
        NothingPastTerm: there is none that is not held and not in another open plan.
    """
    today = now.astimezone(CHINA).date()
    lines = []
    for study, term in past_term(session, institution_code, versions, today):
        lines.append(_line(session, study, term))
        if len(lines) == MOST_STUDIES:
            break
    if not lines:
        raise NothingPastTerm
    plan = DisposalPlanRow(
        institution_code=institution_code,
        plan_key=secrets.token_hex(8),
        state="proposed",
        as_of=today,
        policy_version=policy_on(today, versions).version,
        content_digest=digest_of(lines),
        studies=len(lines),
        instances=sum(line.instances for line in lines),
        size=sum(line.size for line in lines),
        made_by=by,
        made_at=now,
    )
    session.add(plan)
    session.flush()
    for line in lines:
        line.plan_id = plan.id
    session.add_all(lines)
    session.flush()
    return plan


def past_term(
    session: Session, institution_code: str, versions: Sequence[Policy], today: date
) -> Iterator[tuple[StudyRow, Term]]:
    """Yield the studies whose term is over, that are not held and not in an open plan; oldest first."""
    held, planned = Held(session, institution_code), _planned(session, institution_code)
    shortest = min(policy_on(today, versions).years.values())
    # a year more than the shortest term needs: who came so late cannot be over
    latest = date(today.year - shortest + 1, 1, 1)
    rows = session.execute(
        select(StudyRow, PatientRow)
        .outerjoin(PatientRow, PatientRow.id == StudyRow.patient_key)
        .where(
            StudyRow.institution_code == institution_code,
            StudyRow.study_date.is_(None) | (StudyRow.study_date < latest),
        )
        .order_by(StudyRow.study_day, StudyRow.id)
        .execution_options(yield_per=500)
    )
    for study, patient in rows:
        if held.includes(study) or study.study_instance_uid in planned:
            continue
        term = current_term(session, study, patient, versions, today)
        if term.keep_until < today:
            yield study, term


def current_term(
    session: Session, study: StudyRow, patient: PatientRow | None, versions: Sequence[Policy], today: date
) -> Term:
    """Return the term of a study from all visits the hospital told of."""
    visits = visits_of(session, patient) if patient is not None else ()
    return term_of(study, patient, today, visits=visits, versions=versions)


def find_plan(session: Session, institution_code: str, plan_key: str) -> DisposalPlanRow:
    """Return a plan, locked until the end of the transaction.

    Raises:
        PlanNotFound: there is none.
    """
    plan = session.scalars(
        select(DisposalPlanRow)
        .where(DisposalPlanRow.institution_code == institution_code, DisposalPlanRow.plan_key == plan_key)
        .with_for_update()
    ).one_or_none()
    if plan is None:
        raise PlanNotFound(plan_key)
    return plan


def lines_of(session: Session, plan: DisposalPlanRow) -> Sequence[PlannedStudyRow]:
    """Return the lines of a plan in their order."""
    return session.scalars(
        select(PlannedStudyRow).where(PlannedStudyRow.plan_id == plan.id).order_by(PlannedStudyRow.id)
    ).all()


def approve_plan(
    session: Session, plan: DisposalPlanRow, *, content_digest: str, by: str, now: datetime, reason: str = ""
) -> None:
    """Approve what somebody else proposed, exactly as it was shown.

    Raises:
        PlanClosed: it is decided already.
        SamePerson: who made it may not approve it.
        PlanChanged: what was looked at is not what the plan says.
    """
    _decide(plan, "approved", by=by, now=now, reason=reason)
    if content_digest != plan.content_digest:
        raise PlanChanged
    require_unchanged(session, plan)


def reject_plan(plan: DisposalPlanRow, *, by: str, now: datetime, reason: str) -> None:
    """Refuse a plan for good; its studies may be proposed again.

    Raises:
        PlanClosed: it is decided already.
        SamePerson: who made it may not decide about it.
    """
    _decide(plan, "rejected", by=by, now=now, reason=reason)


def require_unchanged(session: Session, plan: DisposalPlanRow) -> None:
    """Raise `PlanChanged` when the lines of a plan are not what its digest says."""
    if digest_of(lines_of(session, plan)) != plan.content_digest:
        raise PlanChanged


def digest_of(lines: Sequence[PlannedStudyRow]) -> str:
    """Return the SHA-256 of all that is decided about in the lines of a plan."""
    text = [[str(getattr(line, name)) for name in _DECIDED_ABOUT] for line in lines]
    return hashlib.sha256(json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def instances_of_study(session: Session, study: StudyRow) -> Sequence[InstanceRow]:
    """Return all instances of a study, those that wait for a person too."""
    return session.scalars(
        select(InstanceRow)
        .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
        .where(SeriesRow.study_id == study.id)
        .order_by(InstanceRow.sop_instance_uid, InstanceRow.revision)
    ).all()


def digest_of_instances(instances: Sequence[InstanceRow]) -> str:
    """Return the SHA-256 over what a study consists of."""
    return hashlib.sha256("".join(sorted(row.blob_digest for row in instances)).encode()).hexdigest()


def _decide(plan: DisposalPlanRow, state: str, *, by: str, now: datetime, reason: str) -> None:
    if plan.state != "proposed":
        raise PlanClosed(plan.state)
    if plan.made_by == by:
        raise SamePerson
    plan.state, plan.decided_by, plan.decided_at, plan.decision_reason = state, by, now, reason


def _planned(session: Session, institution_code: str) -> set[str]:
    return set(
        session.scalars(
            select(PlannedStudyRow.study_instance_uid)
            .join(DisposalPlanRow, DisposalPlanRow.id == PlannedStudyRow.plan_id)
            .where(
                DisposalPlanRow.institution_code == institution_code,
                DisposalPlanRow.state.in_(("proposed", "approved", "running")),
                PlannedStudyRow.state == "planned",
            )
        )
    )


def _line(session: Session, study: StudyRow, term: Term) -> PlannedStudyRow:
    instances = instances_of_study(session, study)
    return PlannedStudyRow(
        institution_code=study.institution_code,
        study_instance_uid=study.study_instance_uid,
        accession_number=study.accession_number,
        study_date=study.study_date,
        keep_until=term.keep_until,
        counted_from=term.counted_from,
        years=term.years,
        encounter_class=term.encounter_class,
        reason=str(term.reason),
        policy_version=term.policy_version,
        instances=len(instances),
        size=sum(row.blob_size for row in instances),
        instances_digest=digest_of_instances(instances),
        state="planned",
        dropped_because="",
    )
