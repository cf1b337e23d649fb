"""Retention for system and security administrators: terms, legal holds, disposal plans (imaging_core/decisions/022)."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.jobs import DISPOSE, owe
from api.messages import retention as words
from api.schemas import admin_retention as schema
from api.schemas.patient import NO_NUL
from api.settings import Settings
from api.workflows.retention import policy_versions
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.retention import Policy
from imaging_core.retention.errors import PlanClosed
from imaging_core.retention.holds import Held, open_holds, place_hold, release_hold
from imaging_core.retention.plans import approve_plan, current_term, find_plan, make_plan, reject_plan
from imaging_core.retention.tables import (
    DisposalPlanRow,
    DisposedStudyRow,
    HoldRow,
    PendingRemovalRow,
    PlannedStudyRow,
)
from imaging_core.retention.terms import policy_on

_SHOWN = 100
_LINES = 200
_EITHER = allow(staff(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR))
_MAKES = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_DECIDES = allow(staff(Role.SECURITY_ADMINISTRATOR))
Key = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of retention."""
    router = APIRouter(prefix="/api/admin/retention", tags=["admin: retention"])
    _add_terms(router)
    _add_holds(router)
    _add_plans(router)
    _add_decisions(router)
    return router


def _add_terms(router: APIRouter) -> None:
    @router.get("", dependencies=_EITHER)
    def terms(
        services: CurrentServices,
        who: CurrentStaff,
        study: Annotated[str, Query(max_length=64, pattern=NO_NUL)] = "",
    ) -> schema.TermList:
        """Return the terms of studies by accession number or UID, or of the newest."""
        now, code, asked = services.clock(), who.institution_code, study.strip()
        wanted = [StudyRow.institution_code == code, StudyRow.instance_count > 0]
        if asked:
            wanted.append((StudyRow.accession_number == asked) | (StudyRow.study_instance_uid == asked))
        today, versions = now.astimezone(CHINA).date(), policy_versions(services)
        with services.database.writing() as session:
            total = session.scalar(select(func.count()).select_from(StudyRow).where(*wanted)) or 0
            rows = session.execute(
                select(StudyRow, PatientRow)
                .outerjoin(PatientRow, PatientRow.id == StudyRow.patient_key)
                .where(*wanted)
                .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.id.desc())
                .limit(_SHOWN)
            ).all()
            held, again = Held(session, code), _came_again(session, code, [row.study_instance_uid for row, _ in rows])
            studies = [_term(session, row, patient, versions, today, held, again) for row, patient in rows]
            record(
                session,
                staff_actor(who),
                "retention.viewed",
                object_kind="studies",
                object_id="-",
                now=now,
                detail={"studies": len(rows)},
            )
        return schema.TermList(
            policy=policy_on(today, versions).source,
            policies=[schema.PolicyOut.model_validate(version) for version in versions],
            total=total,
            studies=studies,
        )


def _add_holds(router: APIRouter) -> None:
    @router.get("/holds", dependencies=_EITHER)
    def holds(services: CurrentServices, who: CurrentStaff) -> list[schema.HoldOut]:
        """List the holds in force, newest first."""
        with services.database.reading() as session:
            rows = open_holds(session, who.institution_code)
            names = _names(session, (row.placed_by for row in rows))
            return [_hold(row, names, staff_actor(who).actor_id) for row in rows]

    @router.post("/holds", status_code=201, dependencies=_EITHER)
    def hold(body: schema.NewHold, services: CurrentServices, who: CurrentStaff) -> list[schema.HoldOut]:
        """Hold a study, or all a patient has and will have; nothing of it is disposed of meanwhile."""
        if bool(body.study) == bool(body.patient_id):
            raise Problem(422, "nothing_to_hold", field="study")
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            wanted: list[dict[str, str]] = [{"patient_id": body.patient_id}]
            if body.study:
                uids = _uids(session, who.institution_code, body.study)
                wanted = [{"study_instance_uid": uid} for uid in uids]
            rows = [
                place_hold(
                    session,
                    institution_code=who.institution_code,
                    reason=body.reason,
                    by=actor.actor_id,
                    now=now,
                    **one,
                )
                for one in wanted
            ]
            for row in rows:
                record(session, actor, "retention.held", object_kind="hold", object_id=row.hold_key, now=now)
            return [_hold(row, _names(session, [actor.actor_id]), actor.actor_id) for row in rows]

    @router.post("/holds/{hold_key}/release", status_code=204, dependencies=_DECIDES)
    def release(hold_key: Key, body: schema.Release, services: CurrentServices, who: CurrentStaff) -> Response:
        """Release a hold that another person placed."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            release_hold(
                session,
                institution_code=who.institution_code,
                hold_key=hold_key,
                reason=body.reason,
                by=actor.actor_id,
                now=now,
            )
            record(session, actor, "retention.released", object_kind="hold", object_id=hold_key, now=now)
        return Response(status_code=204)


def _add_plans(router: APIRouter) -> None:
    @router.get("/plans", dependencies=_EITHER)
    def plans(services: CurrentServices, who: CurrentStaff) -> list[schema.PlanOut]:
        """List the plans, newest first."""
        with services.database.reading() as session:
            rows = session.scalars(
                select(DisposalPlanRow)
                .where(DisposalPlanRow.institution_code == who.institution_code)
                .order_by(DisposalPlanRow.id.desc())
                .limit(_SHOWN)
            ).all()
            return [_plan(session, row, staff_actor(who).actor_id) for row in rows]

    @router.post("/plans", status_code=201, dependencies=_MAKES)
    def make(services: CurrentServices, who: CurrentStaff) -> schema.PlanOut:
        """Propose to dispose of all studies whose term is over; nothing is deleted."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            row = make_plan(
                session,
                institution_code=who.institution_code,
                versions=policy_versions(services),
                by=actor.actor_id,
                now=now,
            )
            record(
                session,
                actor,
                "retention.plan_made",
                object_kind="disposal_plan",
                object_id=row.plan_key,
                now=now,
                detail={"studies": row.studies, "content": row.content_digest},
            )
            return _plan(session, row, actor.actor_id)

    @router.get("/plans/{plan_key}", dependencies=_EITHER)
    def plan(
        plan_key: Key,
        services: CurrentServices,
        who: CurrentStaff,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> schema.PlanDetail:
        """Return a plan and a page of its lines; when it is done, this is the certificate (销毁证明)."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            row = find_plan(session, who.institution_code, plan_key)
            lines = session.scalars(
                select(PlannedStudyRow)
                .where(PlannedStudyRow.plan_id == row.id)
                .order_by(PlannedStudyRow.id)
                .offset(offset)
                .limit(_LINES)
            ).all()
            done = row.state == "done"
            record(
                session,
                actor,
                "retention.plan_certified" if done else "retention.plan_viewed",
                object_kind="disposal_plan",
                object_id=plan_key,
                now=now,
            )
            return schema.PlanDetail(
                plan=_plan(session, row, actor.actor_id), lines=[_line(line) for line in lines], offset=offset
            )


def _add_decisions(router: APIRouter) -> None:
    @router.post("/plans/{plan_key}/approve", dependencies=_DECIDES)
    def approve(plan_key: Key, body: schema.Approval, services: CurrentServices, who: CurrentStaff) -> schema.PlanOut:
        """Approve what another person proposed, exactly as it was shown."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            row = find_plan(session, who.institution_code, plan_key)
            approve_plan(session, row, content_digest=body.content_digest, by=actor.actor_id, now=now)
            record(
                session,
                actor,
                "retention.plan_approved",
                object_kind="disposal_plan",
                object_id=plan_key,
                now=now,
                detail={"content": row.content_digest},
            )
            return _plan(session, row, actor.actor_id)

    @router.post("/plans/{plan_key}/reject", dependencies=_DECIDES)
    def reject(plan_key: Key, body: schema.Release, services: CurrentServices, who: CurrentStaff) -> schema.PlanOut:
        """Refuse a plan for good; its studies may be proposed again."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            row = find_plan(session, who.institution_code, plan_key)
            reject_plan(row, by=actor.actor_id, now=now, reason=body.reason)
            record(session, actor, "retention.plan_rejected", object_kind="disposal_plan", object_id=plan_key, now=now)
            return _plan(session, row, actor.actor_id)

    @router.post("/plans/{plan_key}/run", status_code=202, dependencies=_MAKES)
    def run(plan_key: Key, services: CurrentServices, who: CurrentStaff) -> schema.PlanOut:
        """Have an approved plan carried out; the worker does it, and goes on after whatever stops it."""
        actor, now = staff_actor(who), services.clock()
        with services.database.writing() as session:
            row = find_plan(session, who.institution_code, plan_key)
            if row.state not in ("approved", "running"):
                raise PlanClosed(row.state)
            owe(session, kind=DISPOSE, institution_code=who.institution_code, subject=plan_key, due_at=now)
            row.started_by = row.started_by or actor.actor_id
            record(session, actor, "retention.plan_started", object_kind="disposal_plan", object_id=plan_key, now=now)
            return _plan(session, row, actor.actor_id)


def _uids(session: Session, code: str, named: str) -> list[str]:
    """Return the studies of an accession number or UID; itself when there is none, for the refusal."""
    found = session.scalars(
        select(StudyRow.study_instance_uid).where(
            StudyRow.institution_code == code,
            (StudyRow.accession_number == named) | (StudyRow.study_instance_uid == named),
        )
    ).all()
    return list(found) or [named]


def _came_again(session: Session, code: str, studies: list[str]) -> set[str]:
    return set(
        session.scalars(
            select(DisposedStudyRow.study_instance_uid).where(
                DisposedStudyRow.institution_code == code,
                DisposedStudyRow.study_instance_uid.in_(studies),
                DisposedStudyRow.came_again_at.is_not(None),
            )
        )
    )


def _term(
    session: Session,
    row: StudyRow,
    patient: PatientRow | None,
    versions: tuple[Policy, ...],
    today: date,
    held: Held,
    again: set[str],
) -> schema.StudyTermOut:
    term = current_term(session, row, patient, versions, today)
    return schema.StudyTermOut(
        study_instance_uid=row.study_instance_uid,
        accession_number=row.accession_number,
        study_date=row.study_date,
        modalities=row.modalities,
        keep_until=term.keep_until,
        counted_from=term.counted_from,
        years=term.years,
        why=words.why(term.encounter_class, term.reason, term.years),
        policy_version=term.policy_version,
        held=held.includes(row),
        came_again=row.study_instance_uid in again,
    )


def _names(session: Session, actors: Iterable[str]) -> Mapping[str, str]:
    """Return the names of the people behind audit identifiers."""
    keys = {actor: int(actor.removeprefix("account:")) for actor in actors if actor.startswith("account:")}
    rows = session.execute(select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(keys.values()))).all()
    names = {row.id: row.name for row in rows}
    return {actor: names.get(key, actor) for actor, key in keys.items()}


def _hold(row: HoldRow, names: Mapping[str, str], me: str) -> schema.HoldOut:
    return schema.HoldOut(
        hold_key=row.hold_key,
        study_instance_uid=row.study_instance_uid,
        patient_id=row.patient_id,
        reason=row.reason,
        placed_by=names.get(row.placed_by, row.placed_by),
        placed_at=row.placed_at,
        mine=row.placed_by == me,
    )


def _plan(session: Session, row: DisposalPlanRow, me: str) -> schema.PlanOut:
    names = _names(session, [row.made_by, row.decided_by or ""])
    states = select(PlannedStudyRow.state, func.count()).where(PlannedStudyRow.plan_id == row.id)
    settled = {found[0]: found[1] for found in session.execute(states.group_by(PlannedStudyRow.state))}
    left = select(func.count()).select_from(PendingRemovalRow).where(PendingRemovalRow.plan_key == row.plan_key)
    return schema.PlanOut(
        plan_key=row.plan_key,
        state=row.state,
        as_of=row.as_of,
        policy_version=row.policy_version,
        content_digest=row.content_digest,
        studies=row.studies,
        instances=row.instances,
        size=row.size,
        made_by=names.get(row.made_by, row.made_by),
        made_at=row.made_at,
        decided_by=names.get(row.decided_by or "", row.decided_by or ""),
        decided_at=row.decided_at,
        decision_reason=row.decision_reason,
        finished_at=row.finished_at,
        disposed=settled.get("disposed", 0),
        dropped=settled.get("dropped", 0),
        bytes_left=session.scalar(left) or 0,
        mine=row.made_by == me,
    )


def _line(line: PlannedStudyRow) -> schema.PlanLineOut:
    return schema.PlanLineOut(
        study_instance_uid=line.study_instance_uid,
        accession_number=line.accession_number,
        study_date=line.study_date,
        keep_until=line.keep_until,
        counted_from=line.counted_from,
        years=line.years,
        why=words.why(line.encounter_class, line.reason, line.years),
        policy_version=line.policy_version,
        instances=line.instances,
        instances_digest=line.instances_digest,
        state=line.state,
        dropped_because=words.DROPPED.get(line.dropped_because, ""),
        settled_at=line.settled_at,
    )
