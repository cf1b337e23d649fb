"""Keeps every visit the hospital tells of: whoever registers a patient or a discharge by the unit of work."""

from datetime import date

from sqlalchemy import Connection, event, insert, select
from sqlalchemy.orm import Mapper, Session

from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.retention.tables import VisitRow


@event.listens_for(PatientRow, "after_insert")
@event.listens_for(PatientRow, "after_update")
def _keep_visits(_mapper: Mapper[PatientRow], connection: Connection, patient: PatientRow) -> None:
    if patient.last_visit_at is not None:
        day = patient.last_visit_at.astimezone(CHINA).date()
        _keep(connection, patient, day, patient.encounter_class or "", discharge=False)
    if patient.discharged_at is not None:
        _keep(connection, patient, patient.discharged_at.astimezone(CHINA).date(), "inpatient", discharge=True)


def _keep(connection: Connection, patient: PatientRow, day: date, kind: str, *, discharge: bool) -> None:
    values = {
        "institution_code": patient.institution_code,
        "patient_key": patient.id,
        "day": day,
        "encounter_class": kind,
        "discharge": discharge,
    }
    known = select(VisitRow.id).where(*(getattr(VisitRow, name) == value for name, value in values.items()))
    if connection.execute(known).first() is None:
        connection.execute(insert(VisitRow), values)


def visits_of(session: Session, patient: PatientRow) -> list[VisitRow]:
    """Return the visits of a person, oldest first: of this record and of those that were merged into it."""
    session.flush()
    merged = select(PatientRow.id).where(PatientRow.merged_into == patient.id)
    return list(
        session.scalars(
            select(VisitRow)
            .where((VisitRow.patient_key == patient.id) | VisitRow.patient_key.in_(merged))
            .order_by(VisitRow.day, VisitRow.id)
        )
    )
