"""Until when studies are kept, for system administrators. Only looks: nothing is deleted anywhere."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from api.accounts.roles import Role
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.messages import retention as words
from api.schemas import admin_retention as schema
from api.schemas.patient import NO_NUL
from api.settings import Settings
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.retention import policies, term_of

_SHOWN = 100


def make_router(_settings: Settings) -> APIRouter:
    """Return the route of retention terms."""
    router = APIRouter(prefix="/api/admin/retention", tags=["admin: retention"])

    @router.get("", dependencies=allow(staff(Role.SYSTEM_ADMINISTRATOR)))
    def terms(
        services: CurrentServices,
        who: CurrentStaff,
        study: Annotated[str, Query(max_length=64, pattern=NO_NUL)] = "",
    ) -> schema.TermList:
        """Return the terms of studies by accession number or UID, or of the newest."""
        now, code, asked = services.clock(), services.settings.hospital.institution_code, study.strip()
        wanted = [StudyRow.institution_code == code, StudyRow.instance_count > 0]
        if asked:
            wanted.append((StudyRow.accession_number == asked) | (StudyRow.study_instance_uid == asked))
        with services.database.writing() as session:
            total = session.scalar(select(func.count()).select_from(StudyRow).where(*wanted)) or 0
            rows = session.execute(
                select(StudyRow, PatientRow)
                .outerjoin(PatientRow, PatientRow.id == StudyRow.patient_key)
                .where(*wanted)
                .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.id.desc())
                .limit(_SHOWN)
            ).all()
            record(
                session,
                staff_actor(who),
                "retention.viewed",
                object_kind="studies",
                object_id="-",
                now=now,
                detail={"studies": len(rows)},
            )
        today = now.astimezone(CHINA).date()
        return schema.TermList(
            policy=policies()[-1].source,
            total=total,
            studies=[_out(row, patient, today) for row, patient in rows],
        )

    return router


def _out(row: StudyRow, patient: PatientRow | None, today: date) -> schema.StudyTermOut:
    term = term_of(row, patient, today)
    return schema.StudyTermOut(
        study_instance_uid=row.study_instance_uid,
        accession_number=row.accession_number,
        study_date=row.study_date,
        modalities=row.modalities,
        keep_until=term.keep_until,
        counted_from=term.counted_from,
        years=term.years,
        why=words.why(term),
        policy_version=term.policy_version,
    )
