"""Sentences an answer tells of topics: how soon to act, and whom to see."""

from collections.abc import Sequence

from interpret.consult.draft import Draft, Source
from interpret.explain.advice import advice_words, beside_advice
from interpret.explain.merge import Topic
from interpret.messages import message
from interpret.report.findings import Statement
from interpret.types import Urgency
from knowledge_base.entries import Entry

_SEVERITY = {
    Urgency.IMMEDIATE: "severity_immediate",
    Urgency.SOON: "severity_soon",
    Urgency.SCHEDULED: "severity_scheduled",
    Urgency.NONE: "severity_self",
}
_DEPARTMENTS_TOLD = 2


def departments(topics: Sequence[Topic]) -> list[Draft]:
    """Return the guides' own words on where to go (呼吸内科或胸外科), most urgent first; the report's advice wins."""
    steps: dict[str, Draft] = {}
    for topic in topics:
        if topic.guide is None:
            continue
        text = beside_advice(topic.guide.guide.next_step, topic.advised)
        if "科" in text:
            entry = topic.guide.entry
            steps.setdefault(entry.entry_id, Draft(text, (entry_source(entry),), (topic.guide.guide.next_step,)))
    return list(steps.values())[:_DEPARTMENTS_TOLD]


def advice(statements: Sequence[Statement]) -> list[Draft]:
    """Quote what the reporting doctor advises of some statements, the same words once."""
    spans: dict[str, list[Source]] = {}
    for statement in statements:
        if statement.advice is not None:
            spans.setdefault(advice_words(statement), []).append(Source(span=statement.advice.span))
    return [Draft(message("advice", advice=words), tuple(at)) for words, at in spans.items()]


def advice_elsewhere(statements: Sequence[Statement]) -> list[Draft]:
    """Quote advice with the finding it was written for: it must not be read as advice on another one."""
    drafts = []
    for statement in statements:
        if statement.advice is not None:
            at, span = statement.advice.span, statement.finding.span
            inside = at.section is span.section and span.start < at.start < span.end
            text = statement.finding.text[: at.start - span.start] if inside else statement.finding.text
            words = message("advice_elsewhere", quote=text.strip("，,；; \n"), advice=advice_words(statement))
            drafts.append(Draft(words, (Source(span=span), Source(span=at))))
    return drafts


def advised_of(topics: Sequence[Topic]) -> list[Draft]:
    """Quote what the reporting doctor advises of topics, those first."""
    return advice([statement for topic in topics for statement in topic.advice])


def severity(topics: Sequence[Topic]) -> Draft:
    """Say how soon to act; where a finding has no reviewed guide, nothing calming is said."""
    urgency = min(topic.urgency for topic in topics)
    calm = urgency in (Urgency.SCHEDULED, Urgency.NONE)
    unknown = calm and any(topic.guide is None for topic in topics)
    key = "severity_unknown" if unknown else _SEVERITY[urgency]
    if urgency is Urgency.SOON and any(topic.today for topic in topics):
        key = "severity_today"
    return with_spans(message(key), topics)


def with_spans(text: str, topics: Sequence[Topic]) -> Draft:
    """Return a sentence with all places of the topics it speaks of."""
    spans = tuple(Source(span=span) for topic in topics for span in topic.spans)
    return Draft(text, spans, (text,))


def entry_source(entry: Entry) -> Source:
    """Return a whole entry as the source of a sentence."""
    return Source(entry_id=entry.entry_id, title=entry.title)
