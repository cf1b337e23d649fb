"""Photographed paper reports: the patient's own, apart from the hospital's archive."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Response, UploadFile
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import CheckedFirst, CurrentGrant, CurrentServices, actor_of, allow, own
from api.auth.throttle import throttle
from api.db.tables import PaperRow, WorkRow
from api.errors import Problem
from api.jobs import READ_PAPER, owe
from api.schemas.patient import PaperConfirmed, PaperFields, PaperStarted
from api.settings import Settings
from api.workflows.answer_question import delete_conversation
from api.workflows.consent import require_consent
from api.workflows.read_paper import LABELS, REPORT_PREFIX
from imaging_core.domain.grants import Grant, Right
from ocr.errors import PictureRefused
from ocr.image.sniff import sniff
from ocr.messages import REASONS

Key = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_PAPERS_AN_HOUR = 30
_MOST_PAPERS = 100


def make_router(settings: Settings) -> APIRouter:
    """Return the routes of paper reports."""
    router = APIRouter(prefix="/api/patient/papers", tags=["patient: paper"], route_class=CheckedFirst)
    _add_upload(router, settings.limits.paper_bytes)
    _add_reading(router)
    _add_confirming(router)
    return router


def _add_upload(router: APIRouter, most_bytes: int) -> None:
    @router.post("", status_code=202, dependencies=allow(own(Right.INTERPRET)))
    def upload(file: UploadFile, grant: CurrentGrant, services: CurrentServices) -> PaperStarted:
        """Take a picture or PDF of a paper report; it is read by a worker."""
        with services.database.reading() as session:
            require_consent(session, grant, "ocr")
            kept = session.scalar(select(func.count()).select_from(_own(grant).subquery()))
        if kept is not None and kept >= _MOST_PAPERS:
            raise Problem(409, "paper_many")
        throttle(services.limiter, f"paper:{grant.patient}", most=_PAPERS_AN_HOUR, window_seconds=3600)
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
    @router.get("", dependencies=allow(own(Right.INTERPRET)))
    def papers(grant: CurrentGrant, services: CurrentServices) -> list[dict[str, Any]]:
        """List the patient's paper reports, newest first."""
        with services.database.reading() as session:
            rows = session.scalars(_own(grant).order_by(PaperRow.created_at.desc())).all()
            return [{"created_at": row.created_at, **_brief(row)} for row in rows]

    @router.get("/{paper}", dependencies=allow(own(Right.INTERPRET)))
    def paper(paper: Key, grant: CurrentGrant, services: CurrentServices) -> dict[str, Any]:
        """Return how far the reading is, and what was read."""
        with services.database.reading() as session:
            row = _find(session, grant, paper)
            return {**_brief(row), "fields": [], "rows": [], "doubts": [], **_reading(row)}

    @router.get("/{paper}/picture", dependencies=allow(own(Right.INTERPRET)), response_model=None)
    def picture(paper: Key, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return the upright picture."""
        now = services.clock()
        with services.database.writing() as session:
            row = _find(session, grant, paper)
            if row.picture is None:
                raise Problem(404, "not_found")
            record(session, actor_of(grant), "paper.viewed", object_kind="paper", object_id=paper, now=now)
        return Response(row.picture, media_type="image/jpeg")


def _add_confirming(router: APIRouter) -> None:
    @router.post("/{paper}/confirm", dependencies=allow(own(Right.INTERPRET)))
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

    @router.delete("/{paper}", status_code=204, dependencies=allow(own(Right.INTERPRET)))
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


def _own(grant: Grant) -> Select[PaperRow]:
    return select(PaperRow).where(
        PaperRow.institution_code == grant.institution_code, PaperRow.patient_key == grant.patient
    )


def _find(session: Session, grant: Grant, paper: str) -> PaperRow:
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
        reading["fields"] = _confirmed_fields(reading["fields"], row.confirmed)
    return reading


def _confirmed_fields(read: list[dict[str, Any]], confirmed: dict[str, str]) -> list[dict[str, Any]]:
    """Return the fields of the form with the patient's values, those too that were not found on the picture."""
    known = {item["key"]: item for item in read}
    added = {"box": None, "confidence": 1.0}
    return [
        {
            "key": key,
            "label": label,
            **added,
            **known.get(key, {}),
            "value": confirmed.get(key, known.get(key, {}).get("value")),
        }
        for key, label in LABELS.items()
        if key in known or key in confirmed
    ]
