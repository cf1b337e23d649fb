"""The bounded state machine of one answer: red flags, scope, rewriting, composing, checking, wording."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from interpret.consult.compose import Composed, Composer
from interpret.consult.draft import Draft, Labels
from interpret.consult.intent import intent_of
from interpret.consult.rephrase import rephrased
from interpret.consult.resolve import resolve
from interpret.consult.suggest import suggestions
from interpret.guard.check import ReportGuard
from interpret.guard.deidentify import deidentify
from interpret.guard.scope import Refusal, refusal
from interpret.guard.urgency import red_flag, warns
from interpret.knowledge import Knowledge
from interpret.messages import message
from interpret.models.port import ChatModel
from interpret.prompts import load_prompt
from interpret.report.anatomy import organs
from interpret.report.prepare import prepare
from interpret.report.reading import ReportReader, reader_for
from interpret.types import (
    AnswerEvent,
    AnswerFinished,
    AnswerSentence,
    AnswerStage,
    AnswerStarted,
    HospitalInfo,
    Interpretation,
    Patient,
    ReportText,
    Triage,
    Turn,
    Urgency,
)

_TRIAGE = {
    Urgency.IMMEDIATE: Triage.EMERGENCY,
    Urgency.SOON: Triage.URGENT,
    Urgency.SCHEDULED: Triage.ROUTINE,
    Urgency.NONE: Triage.SELF_CARE,
}
_QUESTION_LIMIT = 4000
"""Characters of a question that are read; the rest is ignored, not an error."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long a model may delay the composed answer."""

    rephrase_seconds: float = 8.0


def answer(
    *,
    report: ReportText | None,
    interpretation: Interpretation | None = None,
    question: str,
    history: Sequence[Turn] = (),
    patient: Patient | None = None,
    knowledge: Knowledge,
    model: ChatModel | None = None,
    hospital: HospitalInfo,
    reader: ReportReader | None = None,
    limits: AnswerLimits | None = None,
) -> Iterator[AnswerEvent]:
    """Answer one question; yields each sentence only after its check.

    Args:
        report: The report the conversation is about, if there is one.
        interpretation: Its interpretation, where the caller has it: an urgent one raises the triage.
        question: What the patient wrote; data, never an instruction.
        history: Earlier turns of the same conversation, oldest first.
        patient: Sex, age and pregnancy.
        knowledge: Reviewed knowledge.
        model: May reword checked sentences; None is a full service.
        hospital: Who is named when knowledge ends.
        reader: A reader with a hospital's own thresholds.
        limits: How long the model may take.
    """
    reader = reader or reader_for(knowledge)
    prompt = load_prompt("rephrase") if model is not None else None
    yield AnswerStarted(model.name if model else None, prompt.label if prompt else None, knowledge.version)
    asked = deidentify(question[:_QUESTION_LIMIT])
    if card := red_flag(asked, history, pregnant=_pregnant(patient, report), infant=_small_child(patient)):
        yield card
        yield AnswerFinished(Triage.EMERGENCY, refused=False, reason="emergency")
        return
    words = prepare(asked).text
    if refused := refusal(asked, hospital.phone, names_medicine=bool(organs(words) or reader.marker.mark(words))):
        yield from _refuse(refused)
        return
    yield AnswerStage("retrieving")
    reading = reader.read(report) if report is not None else None
    intent = intent_of(asked)
    resolved = resolve(asked, history, reader)
    composer = Composer(knowledge, reader, reading, hospital, patient or Patient())
    composed = composer.compose(resolved, intent)
    yield AnswerStage("composing")
    guard = ReportGuard(reading if reading is not None else reader.read(ReportText("", "")))
    drafts = _checked(composed.drafts, guard)
    if not composed.known or not drafts:
        triage = _triage(composed, interpretation) if composed.topics else Triage.ROUTINE
        yield from _no_knowledge(drafts, hospital, triage, suggestions(None, reading, intent))
        return
    yield AnswerStage("checking")
    seconds = (limits or AnswerLimits()).rephrase_seconds
    yield from _worded(drafts, guard, model, seconds)
    yield AnswerFinished(
        triage=_triage(composed, interpretation),
        refused=False,
        reason=None,
        suggestions=suggestions(composed, reading, intent),
    )


_OBSTETRIC = re.compile(r"胎儿|胎心|胎动|孕囊|宫内[^。；]{0,6}(?:活胎|妊娠|早孕)|[早中晚]孕")
_SMALL_CHILD_YEARS = 5


def _pregnant(patient: Patient | None, report: ReportText | None) -> bool:
    told = patient.pregnant if patient is not None else None
    return told if told is not None else bool(report and _OBSTETRIC.search(f"{report.findings}{report.impression}"))


def _small_child(patient: Patient | None) -> bool:
    return patient is not None and patient.age is not None and patient.age <= _SMALL_CHILD_YEARS


def _refuse(refused: Refusal) -> Iterator[AnswerEvent]:
    yield AnswerSentence(refused.text, ())
    outside = refused.reason in {"out_of_scope", "injection"}
    yield AnswerFinished(
        triage=Triage.NONE if outside else Triage.ROUTINE,
        refused=True,
        reason=refused.reason,
        suggestions=(message("suggest_overview"), message("suggest_follow_up"), message("suggest_department")),
    )


def _no_knowledge(
    drafts: list[Draft], hospital: HospitalInfo, triage: Triage, suggested: tuple[str, ...]
) -> Iterator[AnswerEvent]:
    labels = Labels()
    for draft in drafts:
        yield AnswerSentence(draft.text, labels.citations(draft.sources))
    yield AnswerSentence(message("no_knowledge"), ())
    phone = message("phone_known", phone=hospital.phone) if hospital.phone else message("phone_unknown")
    yield AnswerSentence(message("no_knowledge_who", phone=phone), ())
    yield AnswerFinished(triage=triage, refused=True, reason="no_knowledge", suggestions=suggested)


def _checked(drafts: Sequence[Draft], guard: ReportGuard) -> list[Draft]:
    """Return what passed; a refused restatement gives way to the report's own words, anything else is left out."""
    out: list[Draft] = []
    for draft in drafts:
        if draft.fixed or guard.check(draft.text, draft.evidence).passed:
            out.append(draft)
        elif draft.instead is not None:
            out.append(Draft(draft.instead, tuple(source for source in draft.sources if source.span is not None)))
    return [draft for index, draft in enumerate(out) if draft.text not in {d.text for d in out[:index]}]


def _worded(drafts: list[Draft], guard: ReportGuard, model: ChatModel | None, seconds: float) -> Iterator[AnswerEvent]:
    labels = Labels()
    words: Iterator[tuple[int, str | None]] = iter([(index, None) for index in range(len(drafts))])
    open_to_model = [index for index, draft in enumerate(drafts) if _may_be_reworded(draft)]
    if model is not None and open_to_model:
        words = _in_place(
            len(drafts),
            open_to_model,
            rephrased(
                [drafts[index].text for index in open_to_model],
                model=model,
                prompt=load_prompt("rephrase"),
                holds=_holds(drafts, open_to_model, guard),
                seconds=seconds,
            ),
        )
    for index, text in words:
        draft = drafts[index]
        yield AnswerSentence(text or draft.text, labels.citations(draft.sources), rephrased=text is not None)


def _may_be_reworded(draft: Draft) -> bool:
    """Quotes stay as they are, and so does every sentence that says how soon to act: no wording may soften it."""
    return not draft.fixed and "“" not in draft.text[:8] and not warns(draft.text)


def _holds(drafts: list[Draft], chosen: list[int], guard: ReportGuard) -> Callable[[int, str], bool]:
    def holds(position: int, text: str) -> bool:
        draft = drafts[chosen[position]]
        return guard.check(text, [*draft.evidence, draft.text]).passed

    return holds


def _in_place(
    count: int, chosen: list[int], worded: Iterator[tuple[int, str | None]]
) -> Iterator[tuple[int, str | None]]:
    """Put rewordings back between the sentences no model may touch, in order."""
    for index in range(count):
        yield (index, next(worded)[1]) if index in chosen else (index, None)


def _triage(composed: Composed, interpretation: Interpretation | None) -> Triage:
    urgency = composed.urgency
    if interpretation is not None and interpretation.urgency is Urgency.IMMEDIATE and composed.topics:
        urgency = Urgency.IMMEDIATE
    return _TRIAGE[urgency] if urgency is not None else Triage.SELF_CARE
