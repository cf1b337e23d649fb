"""Photographed paper reports: the patient's own, apart from the hospital's archive."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Response, UploadFile
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, patient
from api.db.tables import PaperRow, WorkRow
from api.errors import Problem
from api.jobs import READ_PAPER, owe
from api.schemas.patient import PaperConfirmed, PaperFields, PaperStarted
from api.settings import MIB, Settings
from api.workflows.answer_question import delete_conversation
from api.workflows.consent import require_consent
from api.workflows.read_paper import LABELS, REPORT_PREFIX
from imaging_core.domain.grants import Grant, Holder, Right
from ocr.errors import PictureRefused
from ocr.image.sniff import sniff
from ocr.messages import REASONS

Key = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_PAPERS_AN_HOUR = 30


def make_router(settings: Settings) -> APIRouter:
    """Return the routes of paper reports."""
    router = APIRouter(prefix="/api/patient/papers", tags=["patient: paper"])
    _add_upload(router, settings.limits.paper_bytes)
    _add_reading(router)
    _add_confirming(router)
    return router


def _add_upload(router: APIRouter, most_bytes: int) -> None:
    @router.post("", status_code=202, dependencies=allow(patient(Right.INTERPRET)), max_body_size=most_bytes + MIB)
    def upload(file: UploadFile, grant: CurrentGrant, services: CurrentServices) -> PaperStarted:
        """Take a picture or PDF of a paper report; it is read by a worker."""
        _own_grant_only(grant)
        with services.database.reading() as session:
            require_consent(session, grant, "ocr")
        count = services.limiter.count(f"paper:{grant.patient}", window_seconds=3600)
        if count.tries > _PAPERS_AN_HOUR:
            raise Problem(429, "too_many", headers={"Retry-After": str(count.seconds_left)})
        content = file.file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise Problem(413, "too_large", field="file")
        try:
            sniff(content)
        except PictureRefused as refused:
            detail = REASONS[refused.refusal]
            raise Problem(415, "paper_type", detail=detail, field="file") from refused
        paper_id, now = uuid4().hex, services.clock()
        with services.database.writing() as session:
            session.add(
                PaperRow(
                    id=paper_id,
                    institution_code=grant.institution_code,
                    patient_key=grant.patient,
                    state="reading",
                    upload=content,
                    created_at=now,
                )
            )
            owe(session, kind=READ_PAPER, institution_code=grant.institution_code, subject=paper_id, due_at=now)
            record(
                session,
                actor_of(grant),
                "paper.uploaded",
                object_kind="paper",
                object_id=paper_id,
                now=now,
                detail={"bytes": len(content)},
            )
        return PaperStarted(paper_id=paper_id)


def _add_reading(router: APIRouter) -> None:
    @router.get("", dependencies=allow(patient(Right.INTERPRET)))
    def papers(grant: CurrentGrant, services: CurrentServices) -> list[dict[str, Any]]:
        """List the patient's paper reports, newest first."""
        _own_grant_only(grant)
        with services.database.reading() as session:
            rows = session.scalars(_own(grant).order_by(PaperRow.created_at.desc())).all()
            return [{"created_at": row.created_at, **_brief(row)} for row in rows]

    @router.get("/{paper}", dependencies=allow(patient(Right.INTERPRET)))
    def paper(paper: Key, grant: CurrentGrant, services: CurrentServices) -> dict[str, Any]:
        """Return how far the reading is, and what was read."""
        with services.database.reading() as session:
            row = _find(session, grant, paper)
            return {**_brief(row), "fields": [], "rows": [], "doubts": [], **_reading(row)}

    @router.get("/{paper}/picture", dependencies=allow(patient(Right.INTERPRET)), response_model=None)
    def picture(paper: Key, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return the upright picture."""
        with services.database.reading() as session:
            row = _find(session, grant, paper)
            if row.picture is None:
                raise Problem(404, "not_found")
            return Response(row.picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _add_confirming(router: APIRouter) -> None:
    @router.post("/{paper}/confirm", dependencies=allow(patient(Right.INTERPRET)))
    def confirm(paper: Key, body: PaperFields, grant: CurrentGrant, services: CurrentServices) -> PaperConfirmed:
        """Make a report of what the patient confirmed beside the picture."""
        unknown = sorted(set(body.fields) - set(LABELS))
        if unknown:
            raise Problem(422, "invalid_request", field=f"fields.{unknown[0]}")
        if not any(body.fields.get(key, "").strip() for key in ("findings", "impression")):
            raise Problem(422, "paper_empty", field="fields.findings")
        with services.database.writing() as session:
            row = _find(session, grant, paper)
            if row.state not in {"read", "confirmed"}:
                raise Problem(409, "paper_state")
            row.confirmed = body.fields
            row.state = "confirmed"
            now = services.clock()
            record(session, actor_of(grant), "paper.confirmed", object_kind="paper", object_id=paper, now=now)
        return PaperConfirmed(report_id=REPORT_PREFIX + paper)

    @router.delete("/{paper}", status_code=204, dependencies=allow(patient(Right.INTERPRET)))
    def remove(paper: Key, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Delete picture, text and conversation."""
        now = services.clock()
        with services.database.writing() as session:
            row = _find(session, grant, paper)
            delete_conversation(session, grant, REPORT_PREFIX + paper, now)
            work = session.scalars(select(WorkRow).where(WorkRow.kind == READ_PAPER, WorkRow.subject == paper)).first()
            if work is not None:
                session.delete(work)
            session.delete(row)
            record(session, actor_of(grant), "paper.deleted", object_kind="paper", object_id=paper, now=now)
        return Response(status_code=204)


def _own_grant_only(grant: Grant) -> None:
    if grant.holder is not Holder.PATIENT:
        raise Problem(403, "right_missing")


def _own(grant: Grant) -> Select[PaperRow]:
    return select(PaperRow).where(
        PaperRow.institution_code == grant.institution_code, PaperRow.patient_key == grant.patient
    )


def _find(session: Session, grant: Grant, paper: str) -> PaperRow:
    _own_grant_only(grant)
    row: PaperRow | None = session.scalars(_own(grant).where(PaperRow.id == paper)).first()
    if row is None:
        raise Problem(404, "not_found")
    return row


def _brief(row: PaperRow) -> dict[str, Any]:
    return {
        "paper_id": row.id,
        "state": row.state,
        "reason": row.reason,
        "progress": row.progress,
        "owner_mismatch": row.owner_mismatch,
        "report_id": REPORT_PREFIX + row.id if row.state == "confirmed" else None,
    }


def _reading(row: PaperRow) -> dict[str, Any]:
    if row.reading is None or row.state == "refused":
        return {"width": 0, "height": 0}
    reading = dict(row.reading)
    reading.pop("text")
    if row.confirmed:
        reading["fields"] = [
            {**item, "value": row.confirmed.get(item["key"], item["value"])} for item in reading["fields"]
        ]
    return reading
