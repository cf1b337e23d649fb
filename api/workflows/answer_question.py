"""One question: load (short transaction) → think (none) → record (short transaction)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import actor_of
from api.db.tables import AnswerRow, ConversationRow
from api.errors import describe
from api.messages.patient import AI_LABEL, ANSWER_FAILED
from api.wiring import Services
from api.workflows.report_text import LoadedReport, load_report
from api.workflows.unexplained_words import note_words, words_without_entry
from imaging_core.domain.grants import Grant
from interpret.consult.answer import AnswerLimits, answer
from interpret.interpretation import interpret_report
from interpret.types import (
    AnswerEvent,
    AnswerFinished,
    AnswerSentence,
    AnswerStage,
    AnswerStarted,
    Citation,
    EmergencyCard,
    Patient,
    Turn,
)

log = structlog.get_logger(__name__)

_HISTORY_TURNS = 6


@dataclass(slots=True)
class _Transcript:
    """What was sent so far."""

    started: AnswerStarted | None = None
    emergency: dict[str, Any] | None = None
    sentences: list[dict[str, Any]] = field(default_factory=list)
    finished: AnswerFinished | None = None

    def document(self) -> dict[str, Any]:
        """Return the answer as it is kept and shown again."""
        finished = self.finished
        return {
            "emergency": self.emergency,
            "sentences": self.sentences,
            "triage": finished.triage if finished else "none",
            "refused": finished.refused if finished else False,
            "reason": finished.reason if finished else "interrupted",
            "suggestions": list(finished.suggestions) if finished else [],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """A question ready to be answered."""

    answer_id: str
    conversation_id: str
    text: str
    report: LoadedReport
    history: tuple[Turn, ...]


def begin_question(services: Services, session: Session, grant: Grant, report_id: str, text: str) -> Question:
    """Load what the answer needs; makes the conversation when it is the first question."""
    now = services.clock()
    report = load_report(session, grant, report_id, now)
    conversation = conversation_of(session, grant, report_id) or _new_conversation(session, grant, report_id, now)
    turns = answers_of(session, conversation.id)[-_HISTORY_TURNS:]
    history = tuple(Turn(row.question, _plain_text(row.answer)) for row in turns)
    return Question(uuid4().hex, conversation.id, text, report, history)


def answer_events(services: Services, grant: Grant, question: Question) -> Iterator[dict[str, Any]]:
    """Yield what the page is told, one checked sentence after another; the whole answer is kept at the end.

    A fault becomes a `failed` event: what was sent stays right, for every sentence was checked before.
    Whoever takes the events takes all of them, also when nobody listens any more: see `api/routes/event_stream.py`.
    """
    transcript = _Transcript()
    began = services.clock()
    try:
        for event in _events(services, question):
            yield _told(event, transcript, question.answer_id, services)
    except Exception as error:  # noqa: BLE001  # the patient gets a sentence, never a broken stream
        log.error("answer failed", answer_id=question.answer_id, **describe(error))
        yield {"type": "failed", **ANSWER_FAILED}
    try:
        _keep(services, grant, question, transcript, began)
        if transcript.finished and transcript.finished.reason == "no_knowledge":
            note_words(services, words_without_entry(question.text, services.knowledge), place="question")
    except Exception as error:  # noqa: BLE001  # the answer was given; that it cannot be shown again is for us to mend
        log.error("answer not kept", answer_id=question.answer_id, **describe(error))


def _new_conversation(session: Session, grant: Grant, report_id: str, now: datetime) -> ConversationRow:
    row = ConversationRow(
        id=uuid4().hex,
        institution_code=grant.institution_code,
        patient_key=grant.patient,
        report_key=report_id,
        started_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # two first questions at once: the other one was faster
        found = conversation_of(session, grant, report_id)
        if found is None:
            raise
        return found
    return row


def conversation_of(session: Session, grant: Grant, report_id: str) -> ConversationRow | None:
    """Return the conversation of this patient about this report."""
    return session.scalars(
        select(ConversationRow).where(
            ConversationRow.institution_code == grant.institution_code,
            ConversationRow.patient_key == grant.patient,
            ConversationRow.report_key == report_id,
        )
    ).first()


def answers_of(session: Session, conversation_id: str) -> list[AnswerRow]:
    """Return the answers of a conversation, oldest first."""
    statement = select(AnswerRow).where(AnswerRow.conversation_id == conversation_id)
    return list(session.scalars(statement.order_by(AnswerRow.asked_at, AnswerRow.id)))


def delete_conversation(session: Session, grant: Grant, report_id: str, now: datetime) -> None:
    """Remove the conversation with all its questions and answers."""
    conversation = conversation_of(session, grant, report_id)
    if conversation is None:
        return
    session.execute(delete(AnswerRow).where(AnswerRow.conversation_id == conversation.id))
    session.delete(conversation)
    record(session, actor_of(grant), "conversation.deleted", object_kind="report", object_id=report_id, now=now)


def _events(services: Services, question: Question) -> Iterator[AnswerEvent]:
    text = question.report.text
    knowledge = services.knowledge
    return answer(
        report=text,
        interpretation=interpret_report(text, knowledge),
        question=question.text,
        history=question.history,
        patient=Patient(sex=text.sex, age=text.age),
        knowledge=knowledge,
        model=services.model,
        hospital=services.hospital_info,
        limits=AnswerLimits(rephrase_seconds=services.settings.llm.timeout_seconds),
    )


def _told(event: AnswerEvent, transcript: _Transcript, answer_id: str, services: Services) -> dict[str, Any]:
    match event:
        case AnswerStarted():
            transcript.started = event
            return {"type": "started", "answer_id": answer_id, "model": event.model, "ai_label": AI_LABEL}
        case AnswerStage(stage=stage):
            return {"type": "stage", "stage": stage}
        case EmergencyCard():
            transcript.emergency = {
                "title": event.title,
                "text": event.text,
                "reasons": list(event.reasons),
                "call": "120",
                "hospital_phone": services.settings.hospital.phone,
            }
            return {"type": "emergency", **transcript.emergency}
        case AnswerSentence():
            sentence = {"text": event.text, "citations": [_citation(item) for item in event.citations]}
            transcript.sentences.append(sentence)
            return {"type": "sentence", "index": len(transcript.sentences) - 1, **sentence}
        case AnswerFinished():
            transcript.finished = event
            return {
                "type": "finished",
                "triage": event.triage,
                "refused": event.refused,
                "reason": event.reason,
                "suggestions": list(event.suggestions),
            }


def _citation(citation: Citation) -> dict[str, Any]:
    out: dict[str, Any] = {"label": citation.label}
    if citation.entry_id:
        out |= {"entry_id": citation.entry_id, "title": citation.title}
    if citation.span:
        out |= {"section": citation.span.section, "start": citation.span.start, "end": citation.span.end}
    return out


def _keep(services: Services, grant: Grant, question: Question, transcript: _Transcript, began: datetime) -> None:
    started = transcript.started
    document = transcript.document()
    with services.database.writing() as session:
        # A conversation that the patient deleted meanwhile stays deleted.
        if session.get(ConversationRow, question.conversation_id, with_for_update=True) is not None:
            session.add(
                AnswerRow(
                    id=question.answer_id,
                    institution_code=grant.institution_code,
                    conversation_id=question.conversation_id,
                    question=question.text,
                    answer=document,
                    model=started.model if started else None,
                    prompt_version=started.prompt_version if started else None,
                    knowledge_version=started.knowledge_version if started else "",
                    asked_at=began,
                )
            )
        record(
            session,
            actor_of(grant),
            "question.asked",
            object_kind="report",
            object_id=question.report.report_id,
            now=services.clock(),
            outcome="success" if transcript.finished else "failed",
            detail={
                "answer": question.answer_id,
                "triage": str(document["triage"]),
                "refused": document["refused"],
                "reason": document["reason"],
                "entries": sorted(
                    {c["entry_id"] for s in transcript.sentences for c in s["citations"] if "entry_id" in c}
                ),
            },
        )


def _plain_text(answer_document: dict[str, Any]) -> str:
    return "".join(sentence["text"] for sentence in answer_document["sentences"])
