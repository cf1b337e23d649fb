"""Patients' records put right: two that are one person, one that holds somebody else's studies."""

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.patient_holdings import HOLDINGS
from api.routes.admin_cases import by, new_patient, patient_of
from api.schemas import admin_cases as schema
from api.settings import Settings
from api.workflows.case_detail import person_out
from imaging_core.documents.tables import LaboratoryResultRow
from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.patients.decisions import Taken, merge_patients, move_to_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.worklist.history import note_patient_decision

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of patients' records. Numbers travel in bodies: addresses are logged."""
    router = APIRouter(prefix="/api/admin/patients", tags=["admin: data"])

    @router.post("/record", dependencies=_KEEPS)
    def record_of(body: schema.RecordIn, services: CurrentServices, who: CurrentStaff) -> schema.RecordOut:
        """Show what a patient's record holds. It names the patient, so that looking is an event."""
        with services.database.writing() as session:
            key = patient_of(session, services, body.patient_id, "patient_id")
            record(
                session,
                staff_actor(who),
                "patient.record_viewed",
                object_kind="patient",
                object_id=str(key),
                now=services.clock(),
            )
            return _record_out(session, key)

    @router.post("/merge", dependencies=_KEEPS)
    def merge(body: schema.MergeIn, services: CurrentServices, who: CurrentStaff) -> schema.MadeOut:
        """Let two records be one person."""
        with services.database.writing() as session:
            made = merge_patients(
                session,
                into=patient_of(session, services, body.into, "into"),
                merged=patient_of(session, services, body.merged, "merged"),
                by=by(services, who, body.reason),
                holdings=HOLDINGS,
            )
            noted = note_patient_decision(session, made)
            record(
                session,
                staff_actor(who),
                "patient.merged",
                object_kind="patient",
                object_id=str(made.to_patient),
                now=services.clock(),
                detail={"decision": noted.id, "rows": len(made.movements)},
            )
            return schema.MadeOut(decision=noted.id)

    @router.post("/move", dependencies=_KEEPS)
    def move(body: schema.MoveIn, services: CurrentServices, who: CurrentStaff) -> schema.MadeOut:
        """Give some of a patient's record to another patient, or to a new one."""
        if (body.to_patient_id is None) == (body.new_patient is None):
            raise Problem(422, "remedy_unsuitable", field="to_patient_id")
        with services.database.writing() as session:
            former = patient_of(session, services, body.patient_id, "patient_id")
            made = move_to_patient(
                session,
                Taken([StudyInstanceUid(uid) for uid in body.studies], body.laboratory_reports),
                institution_code=InstitutionCode(services.settings.hospital.institution_code),
                former=former,
                to=new_patient(body.new_patient)
                if body.new_patient
                else patient_of(session, services, body.to_patient_id or "", "to_patient_id"),
                by=by(services, who, body.reason),
            )
            noted = note_patient_decision(session, made)
            record(
                session,
                staff_actor(who),
                "patient.studies_moved",
                object_kind="patient",
                object_id=str(former),
                now=services.clock(),
                detail={"decision": noted.id, "to": made.to_patient, "rows": len(made.movements)},
            )
            return schema.MadeOut(decision=noted.id)

    return router


def _record_out(session: Session, key: PatientKey) -> schema.RecordOut:
    row = session.get_one(PatientRow, key)
    studies = session.scalars(
        select(StudyRow)
        .where(StudyRow.patient_key == key)
        .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.id)
    )
    numbers = session.scalars(
        select(LaboratoryResultRow.report_number)
        .where(LaboratoryResultRow.patient_key == key)
        .distinct()
        .order_by(LaboratoryResultRow.report_number)
    )
    merged = session.scalars(
        select(PatientRow.patient_id).where(PatientRow.merged_into == key).order_by(PatientRow.patient_id)
    )
    return schema.RecordOut(
        **dict(person_out(row)),
        merged=list(merged),
        studies=[schema.RecordStudyOut.model_validate(_study(study)) for study in studies],
        laboratory_reports=list(numbers),
    )


def _study(row: StudyRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in schema.RecordStudyOut.model_fields}
