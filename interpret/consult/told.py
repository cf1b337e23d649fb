"""Sentences an answer tells of topics: how soon to act, and whom to see."""

from collections.abc import Sequence

from interpret.consult.draft import Draft, Source
from interpret.explain.merge import Topic
from interpret.messages import message
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
    """Return the guides' own words on where to go (呼吸内科或胸外科), most urgent first."""
    guides = [t.guide for t in topics if t.guide is not None and "科" in t.guide.guide.next_step]
    steps = {guide.entry.entry_id: guide for guide in guides}
    return [
        Draft(guide.guide.next_step, (entry_source(guide.entry),), (guide.guide.next_step,))
        for guide in list(steps.values())[:_DEPARTMENTS_TOLD]
    ]


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
