"""E-reports (PDF, JPG) that a hospital system uploads for a study."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from sqlalchemy import select

from api.audit.record import record
from api.auth.access import CheckedFirst, CurrentMachine, CurrentServices, allow, machine
from api.errors import Problem
from api.settings import Settings
from imaging_core.documents.store import store_document
from imaging_core.index.tables import StudyRow

_NO_NUL = r"^[^\x00]*$"


def make_router(settings: Settings) -> APIRouter:
    """Return the routes for e-reports."""
    router = APIRouter(prefix="/api/interop", tags=["hospital systems"], route_class=CheckedFirst)
    most_bytes = settings.limits.document_bytes

    @router.post("/documents", status_code=201, dependencies=allow(machine("documents")))
    def upload(
        file: UploadFile,
        actor: CurrentMachine,
        services: CurrentServices,
        title: Annotated[str, Form(max_length=100, pattern=_NO_NUL)] = "电子报告单",
        study_instance_uid: Annotated[str, Form(max_length=64, pattern=_NO_NUL)] = "",
        accession_number: Annotated[str, Form(max_length=64, pattern=_NO_NUL)] = "",
    ) -> dict[str, str]:
        """Attach a PDF or JPG to the study named by its UID or accession number."""
        if not (study_instance_uid or accession_number):
            raise Problem(422, "invalid_request", field="study_instance_uid")
        named = (
            StudyRow.study_instance_uid == study_instance_uid
            if study_instance_uid
            else StudyRow.accession_number == accession_number
        )
        now = services.clock()
        with services.database.writing() as session:
            study = session.scalars(
                select(StudyRow).where(StudyRow.institution_code == actor.institution_code, named)
            ).first()
            if study is None:
                raise Problem(404, "study_unknown", field="study_instance_uid")
            document = store_document(
                session, services.blobs, file.file, study=study, title=title, limit=most_bytes, now=now
            )
            record(
                session,
                actor,
                "document.received",
                object_kind="document",
                object_id=document.document_id,
                now=now,
                detail={"bytes": document.bytes},
            )
        return {"document_id": document.document_id, "media_type": document.media_type}

    return router
