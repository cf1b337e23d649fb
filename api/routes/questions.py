"""Asking about a report: streamed answers, the kept conversation, feedback."""

from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Path, Response

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, own
from api.auth.throttle import throttle
from api.db.tables import AnswerRow, ConversationRow
from api.errors import Problem
from api.routes.event_stream import EventStream
from api.schemas.patient import FeedbackIn, QuestionIn
from api.settings import Settings
from api.wiring import Services
from api.workflows.answer_question import (
    answer_events,
    answers_of,
    begin_question,
    conversation_of,
    delete_conversation,
)
from api.workflows.consent import require_consent
from api.workflows.report_text import load_report
from imaging_core.domain.grants import Grant, Right
from interpret.consult.suggest import starting_suggestions
from interpret.report.reading import reader_for

Key = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
_QUESTIONS_A_MINUTE = 20
_ANSWERS_AT_ONCE = 32


def make_router(settings: Settings) -> APIRouter:
    """Return the routes of questions about a report."""
    router = APIRouter(prefix="/api/patient", tags=["patient: questions"])
    _add_asking(router, most_characters=settings.limits.question_characters)
    _add_conversation(router)
    return router


def _add_asking(router: APIRouter, *, most_characters: int) -> None:
    threads = CapacityLimiter(_ANSWERS_AT_ONCE)

    @router.post(
        "/reports/{report}/questions",
        dependencies=allow(own(Right.INTERPRET)),
        response_model=None,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    def ask(report: Key, body: QuestionIn, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Answer a question, one checked sentence after another, as server-sent events."""
        if not body.question:
            raise Problem(422, "question_empty", field="question")
        if len(body.question) > most_characters:
            raise Problem(422, "question_too_long", field="question")
        throttle(services.limiter, f"ask:{grant.patient}", most=_QUESTIONS_A_MINUTE)
        with services.database.writing() as session:
            require_consent(session, grant, "interpret")
            question = begin_question(services, session, grant, report, body.question)
        return EventStream(answer_events(services, grant, question), threads)


def _add_conversation(router: APIRouter) -> None:
    @router.get("/reports/{report}/conversation", dependencies=allow(own(Right.INTERPRET)))
    def conversation(report: Key, grant: CurrentGrant, services: CurrentServices) -> dict[str, Any]:
        """Return all questions and answers about a report, and questions one might ask."""
        now = services.clock()
        with services.database.writing() as session:
            loaded = load_report(session, grant, report, now)
            found = conversation_of(session, grant, report)
            turns = [_turn(row) for row in answers_of(session, found.id)] if found else []
            record(session, actor_of(grant), "conversation.viewed", object_kind="report", object_id=report, now=now)
        reading = reader_for(services.knowledge).read(loaded.text)
        return {
            "conversation_id": found.id if found else None,
            "turns": turns,
            "suggestions": list(starting_suggestions(reading)),
        }

    @router.delete("/reports/{report}/conversation", status_code=204, dependencies=allow(own(Right.INTERPRET)))
    def forget(report: Key, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Delete the conversation about a report."""
        with services.database.writing() as session:
            delete_conversation(session, grant, report, services.clock())
        return Response(status_code=204)

    @router.post("/answers/{answer}/feedback", status_code=204, dependencies=allow(own(Right.INTERPRET)))
    def feedback(answer: Key, body: FeedbackIn, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Keep what the patient thinks of an answer."""
        _keep_feedback(services, grant, answer, body)
        return Response(status_code=204)


def _keep_feedback(services: Services, grant: Grant, answer: str, body: FeedbackIn) -> None:
    with services.database.writing() as session:
        row = session.get(AnswerRow, answer)
        owner = session.get(ConversationRow, row.conversation_id) if row else None
        if (
            row is None
            or owner is None
            or (owner.institution_code, owner.patient_key)
            != (
                grant.institution_code,
                grant.patient,
            )
        ):
            raise Problem(404, "not_found")
        row.helpful, row.comment = body.helpful, body.comment
        record(
            session,
            actor_of(grant),
            "answer.rated",
            object_kind="answer",
            object_id=answer,
            now=services.clock(),
            detail={"helpful": body.helpful},
        )


def _turn(row: AnswerRow) -> dict[str, Any]:
    return {
        "question": row.question,
        "asked_at": row.asked_at,
        "answer": {"answer_id": row.id, "model": row.model, **row.answer},
    }
