"""The public `mingying eval` lines of interpretation; fields and values as in `docs` of the command line."""

from collections.abc import Mapping
from typing import Any

from interpret.consult.answer import answer
from interpret.errors import InvalidLine
from interpret.guard.check import Scope, check_sentence
from interpret.interpretation import interpret_report
from interpret.knowledge import Knowledge
from interpret.models.port import ChatModel
from interpret.types import (
    AnswerEvent,
    AnswerFinished,
    AnswerSentence,
    Citation,
    EmergencyCard,
    ExplainedSentence,
    Finding,
    HospitalInfo,
    Patient,
    ReportText,
    Span,
    TermMark,
    Turn,
)

Line = Mapping[str, Any]

_SEX = {
    "M": "male",
    "F": "female",
    "男": "male",
    "女": "female",
    "male": "male",
    "female": "female",
    "m": "male",
    "f": "female",
}


def eval_report(line: Line, knowledge: Knowledge) -> dict[str, Any]:
    """Interpret one report: `{id, findings, impression, modality?, sex?, age?}`.

    Raises:
        InvalidLine: A section is no text.
    """
    result = interpret_report(_report(line), knowledge)
    return {
        "id": line.get("id"),
        "terms": [_term(term) for term in result.terms],
        "findings": [_finding(finding) for finding in result.findings],
        "critical": result.critical,
        "critical_reasons": list(result.critical_reasons),
        "urgency": int(result.urgency),
        "explanation": [_explained(sentence) for sentence in result.explanation],
    }


def eval_guard(line: Line, knowledge: Knowledge) -> dict[str, Any]:
    """Check one sentence or answer: `{id, report:{findings, impression}, sentence, scope?}`.

    Raises:
        InvalidLine: Report or sentence is missing, or the scope is unknown.
    """
    scope = line.get("scope") or "sentence"
    if scope not in ("sentence", "answer"):
        raise InvalidLine("scope", "sentence or answer")
    checked: Scope = "answer" if scope == "answer" else "sentence"
    report = line.get("report")
    if not isinstance(report, Mapping):
        raise InvalidLine("report", "an object with findings and impression")
    verdict = check_sentence(_report(report), _text(line, "sentence"), (), checked, knowledge=knowledge)
    reason = verdict.reason if verdict.detail is None else f"{verdict.reason}: {verdict.detail}"
    return {"id": line.get("id"), "verdict": "pass" if verdict.passed else "block", "reason": reason}


def eval_consult(
    line: Line, knowledge: Knowledge, *, hospital: HospitalInfo | None = None, model: ChatModel | None = None
) -> dict[str, Any]:
    """Answer every turn of a dialogue: `{id, report?, patient?, turns:[…]}`, each with the turns before it.

    A turn is a text, or an object with `question` (or `text`).

    Raises:
        InvalidLine: A turn, the report or the patient has another shape.
    """
    raw_report = line.get("report")
    report = _report(raw_report) if isinstance(raw_report, Mapping) else None
    turns = line.get("turns")
    if not isinstance(turns, list):
        raise InvalidLine("turns", "a list of questions")
    history: list[Turn] = []
    answers = []
    for raw in turns:
        question = _question(raw)
        events = list(
            answer(
                report=report,
                question=question,
                history=tuple(history),
                patient=_patient(line.get("patient")),
                knowledge=knowledge,
                model=model,
                hospital=hospital or HospitalInfo(name=""),
            )
        )
        answers.append(_answer(events))
        history.append(Turn(question, str(answers[-1]["text"])))
    return {"id": line.get("id"), "answers": answers}


def _text(line: Line, field: str) -> str:
    value = line.get(field)
    if not isinstance(value, str):
        raise InvalidLine(field, "a text")
    return value


def _report(line: Line) -> ReportText:
    age = line.get("age")
    return ReportText(
        findings=_optional(line, "findings"),
        impression=_optional(line, "impression"),
        modality=_optional(line, "modality") or None,
        exam_item=_optional(line, "exam_item") or None,
        sex=_SEX.get(str(line.get("sex"))),
        age=age if isinstance(age, int) and not isinstance(age, bool) else None,
    )


def _optional(line: Line, field: str) -> str:
    value = line.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidLine(field, "a text")
    return value


def _patient(raw: object) -> Patient:
    if not isinstance(raw, Mapping):
        return Patient()
    age, pregnant = raw.get("age"), raw.get("pregnant")
    return Patient(
        sex=_SEX.get(str(raw.get("sex"))),
        age=age if isinstance(age, int) and not isinstance(age, bool) else None,
        pregnant=pregnant if isinstance(pregnant, bool) else None,
    )


def _question(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, Mapping):
        for field in ("question", "text", "content"):
            if isinstance(raw.get(field), str):
                return str(raw[field])
    raise InvalidLine("turns", "texts or objects with question")


def _span(span: Span) -> list[Any]:
    return [span.section.value, span.start, span.end]


def _term(term: TermMark) -> dict[str, Any]:
    section, start, end = _span(term.span)
    return {
        "text": term.text,
        "section": section,
        "start": start,
        "end": end,
        "entry_id": term.entry_id,
        "negated": term.negated,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    section, start, end = _span(finding.span)
    return {
        "text": finding.text,
        "section": section,
        "start": start,
        "end": end,
        "status": finding.status.value,
        "side": finding.side.value,
        "level": finding.level,
        "measurements": [{"value": m.value, "unit": m.unit} for m in finding.measurements],
        "uncertain": finding.uncertain,
    }


def _explained(sentence: ExplainedSentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "source_spans": [_span(span) for span in sentence.source_spans],
        "citations": list(sentence.citations),
    }


def _citation(citation: Citation) -> dict[str, Any]:
    out: dict[str, Any] = {"label": citation.label}
    if citation.entry_id is not None:
        out |= {"entry_id": citation.entry_id, "chunk_id": citation.chunk_id, "title": citation.title}
    if citation.span is not None:
        section, start, end = _span(citation.span)
        out |= {"section": section, "start": start, "end": end}
    return out


def _answer(events: list[AnswerEvent]) -> dict[str, Any]:
    sentences: list[dict[str, Any]] = [
        {"text": event.text, "citations": [_citation(c) for c in event.citations]}
        for event in events
        if isinstance(event, AnswerSentence)
    ]
    cards = [event for event in events if isinstance(event, EmergencyCard)]
    sentences = [{"text": card.text, "citations": []} for card in cards] + sentences
    finished = next(event for event in events if isinstance(event, AnswerFinished))
    return {
        "text": "".join(str(sentence["text"]) for sentence in sentences),
        "sentences": sentences,
        "triage": finished.triage.value,
        "refused": finished.refused,
        "reason": finished.reason,
        "suggestions": list(finished.suggestions),
    }
