"""The work list: data that waits for a person's decision, what may be done, what was decided."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.patient_holdings import HOLDINGS
from api.schemas import admin_cases as schema
from api.settings import Settings
from api.wiring import Services
from api.workflows.case_detail import case_detail, case_out
from api.workflows.decide_case import decide_case
from api.workflows.waiting_cases import waiting_case, waiting_cases
from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.patients.decision_tables import PatientDecisionRow
from imaging_core.patients.decisions import By, NewPatient
from imaging_core.patients.errors import DecidedLater
from imaging_core.patients.registry import find_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.worklist.errors import RemedyUnsuitable
from imaging_core.worklist.items import ItemKind, Remedy
from imaging_core.worklist.remedies import SYSTEM, Choice, undo
from imaging_core.worklist.tables import WorklistDecisionRow

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_SHOWN = 200


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the work list."""
    router = APIRouter(prefix="/api/admin/cases", tags=["admin: data"])

    @router.get("", dependencies=_KEEPS)
    def cases(services: CurrentServices, who: CurrentStaff, kind: ItemKind | None = None) -> schema.CaseList:
        """List what waits; it names patients' numbers, so that looking is an event."""
        code, now = services.settings.hospital.institution_code, services.clock()
        with services.database.reading() as session:
            found = waiting_cases(session, code, now)
        shown = [case for case in found if kind in (None, case.kind)][:_SHOWN]
        with services.database.writing() as session:
            record(
                session,
                staff_actor(who),
                "cases.listed",
                object_kind="cases",
                object_id="-",
                now=now,
                detail={"cases": len(shown)},
            )
        return schema.CaseList(
            counts=dict(Counter(case.kind for case in found)), cases=[case_out(case) for case in shown]
        )

    @router.get("/item", dependencies=_KEEPS)
    def item(
        services: CurrentServices,
        who: CurrentStaff,
        kind: ItemKind,
        subject: Annotated[str, Query(min_length=1, max_length=160)],
    ) -> schema.CaseDetail:
        """Show one item with what it takes to decide it. It names patients, so that looking is an event."""
        code, now = services.settings.hospital.institution_code, services.clock()
        with services.database.reading() as session:
            found = case_detail(session, waiting_case(session, code, now, kind=kind, subject=subject), code)
        _record(services, who, "cases.viewed", f"{kind} {subject}")
        return found

    _add_deciding(router)
    return router


def _add_deciding(router: APIRouter) -> None:
    @router.post("/decide", dependencies=_KEEPS)
    def decided(body: schema.DecisionIn, services: CurrentServices, who: CurrentStaff) -> schema.MadeOut:
        """Apply a remedy to an item as it was shown."""
        with services.database.reading() as session:
            choice = _choice(session, services, body)
        try:
            made = decide_case(
                services,
                kind=body.kind,
                subject=body.subject,
                state=body.state,
                remedy=body.remedy,
                choice=choice,
                by=by(services, who, body.reason),
            )
        except RemedyUnsuitable as error:
            raise Problem(422, "remedy_unsuitable", field=error.field) from error
        _record(services, who, "cases.decided", f"{body.kind} {body.subject}", remedy=body.remedy, decision=made)
        return schema.MadeOut(decision=made)

    @router.get("/decisions", dependencies=_KEEPS)
    def decisions(services: CurrentServices, who: CurrentStaff) -> schema.DecisionList:
        """List what was decided, newest first."""
        code = services.settings.hospital.institution_code
        with services.database.reading() as session:
            rows = session.scalars(
                select(WorklistDecisionRow)
                .where(WorklistDecisionRow.institution_code == code)
                .order_by(WorklistDecisionRow.id.desc())
                .limit(_SHOWN)
            ).all()
            names = _names(session, code)
            shown = [_decision_out(session, row, names) for row in rows]
        _record(services, who, "cases.decisions_listed", "-")
        return schema.DecisionList(decisions=shown)

    @router.post("/decisions/{decision}/undo", dependencies=_KEEPS)
    def undone(decision: int, body: schema.UndoIn, services: CurrentServices, who: CurrentStaff) -> schema.MadeOut:
        """Take a decision back."""
        code = services.settings.hospital.institution_code
        with services.database.writing() as session:
            row = session.scalars(
                select(WorklistDecisionRow)
                .where(WorklistDecisionRow.id == decision, WorklistDecisionRow.institution_code == code)
                .with_for_update()
            ).one_or_none()
            if row is None:
                raise Problem(404, "not_found")
            try:
                undo(session, row, by=by(services, who, body.reason), holdings=HOLDINGS)
            except DecidedLater as error:
                raise Problem(409, "decided_later", later=_numbers(session, error.later)) from error
        _record(services, who, "cases.undone", f"{row.kind} {row.subject}", remedy=row.remedy, decision=decision)
        return schema.MadeOut(decision=decision)


def by(services: Services, who: Staff, reason: str) -> By:
    """Return who decides, when, and why."""
    return By(str(who.account_id), reason, services.clock())


def patient_of(session: Session, services: Services, number: str, field: str) -> PatientKey:
    """Return the patient of a number; of merged records the one that stands for the person."""
    code = InstitutionCode(services.settings.hospital.institution_code)
    found = find_patient(session, institution_code=code, patient_id=number)
    if found is None:
        raise Problem(404, "patient_unknown", field=field)
    return found


def new_patient(given: schema.NewPatientIn) -> NewPatient:
    """Return the patient to be put on record."""
    return NewPatient(given.name, given.patient_id, given.sex, given.birth_date)


def _choice(session: Session, services: Services, body: schema.DecisionIn) -> Choice:
    return Choice(
        patient=patient_of(session, services, body.patient_id, "patient_id") if body.patient_id else None,
        new_patient=new_patient(body.new_patient) if body.new_patient else None,
        study=StudyInstanceUid(body.study_instance_uid) if body.study_instance_uid else None,
    )


def _numbers(session: Session, patient_decisions: Sequence[int]) -> list[int]:
    return list(
        session.scalars(
            select(WorklistDecisionRow.id)
            .where(WorklistDecisionRow.patient_decision.in_(patient_decisions))
            .order_by(WorklistDecisionRow.id)
        )
    )


def _names(session: Session, code: str) -> dict[str, str]:
    rows = session.execute(select(AccountRow.id, AccountRow.name).where(AccountRow.institution_code == code))
    return {str(key): name for key, name in rows} | {SYSTEM: "系统", "hl7": "HIS（ADT^A40）"}


def _decision_out(session: Session, row: WorklistDecisionRow, names: dict[str, str]) -> schema.DecisionOut:
    about = session.get(PatientDecisionRow, row.patient_decision) if row.patient_decision is not None else None
    keys = [about.from_patient, about.to_patient] if about else []
    patients = [session.get(PatientRow, key) for key in keys if key is not None]
    return schema.DecisionOut(
        decision=row.id,
        kind=row.kind,
        subject=row.subject,
        remedy=Remedy(row.remedy),
        reason=row.reason,
        who=names.get(row.actor, "—"),
        at=row.at,
        undone_at=row.undone_at,
        undone_by=names.get(row.undone_by, "—") if row.undone_by else None,
        undone_reason=row.undone_reason,
        can_be_undone=row.undone_at is None and row.remedy != Remedy.REPROCESS,
        patients=[patient.patient_id for patient in patients if patient is not None],
    )


def _record(services: Services, who: Staff, action: str, about: str, **detail: str | int) -> None:
    with services.database.writing() as session:
        record(
            session,
            staff_actor(who),
            action,
            object_kind="cases",
            object_id=about[:128],
            now=services.clock(),
            detail=detail,
        )
