"""E-reports (PDF, JPG) that a hospital system uploads for a study."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from imaging_core.documents.uploads import attach_document
from sqlalchemy import select

from api.audit.record import record
from api.auth.access import CurrentMachine, CurrentServices, allow, machine
from api.errors import Problem
from api.settings import MIB, Settings
from imaging_core.documents.errors import DocumentRefused, RefusalReason
from imaging_core.index.tables import StudyRow

_REFUSALS = {
    RefusalReason.EMPTY: (422, "document_damaged"),
    RefusalReason.TOO_LARGE: (413, "too_large"),
    RefusalReason.UNKNOWN_TYPE: (415, "document_type"),
    RefusalReason.DAMAGED: (422, "document_damaged"),
    RefusalReason.TOO_MANY_PIXELS: (422, "document_damaged"),
    RefusalReason.ENCRYPTED: (422, "document_locked"),
    RefusalReason.ACTIVE_CONTENT: (422, "document_active"),
}


def make_router(settings: Settings) -> APIRouter:
    """Return the routes for e-reports."""
    router = APIRouter(prefix="/api/interop", tags=["hospital systems"])
    most_bytes = settings.limits.document_bytes

    @router.post(
        "/documents", status_code=201, dependencies=allow(machine("documents")), max_body_size=most_bytes + MIB
    )
    def upload(
        file: UploadFile,
        actor: CurrentMachine,
        services: CurrentServices,
        title: Annotated[str, Form(max_length=100)] = "电子报告单",
        study_instance_uid: Annotated[str, Form(max_length=64)] = "",
        accession_number: Annotated[str, Form(max_length=64)] = "",
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
            try:
                document = attach_document(
                    session, services.blobs, file.file, study=study, title=title, now=now, most_bytes=most_bytes
                )
            except DocumentRefused as refused:
                status, code = _REFUSALS[refused.reason]
                raise Problem(status, code, field="file", reason=str(refused.reason)) from refused
            record(
                session,
                actor,
                "document.received",
                object_kind="document",
                object_id=document.document_key,
                now=now,
                detail={"bytes": document.size},
            )
        return {"document_id": document.document_key, "media_type": document.media_type}

    return router
