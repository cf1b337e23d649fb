"""The explanation of a report: overall, critical, findings by importance with the advice given, limits, normal."""

from collections.abc import Callable, Sequence
from itertools import groupby

from interpret.explain.advice import advice_words, advised
from interpret.explain.merge import Topic, merge
from interpret.explain.normal import normal_sentences
from interpret.explain.restate import restate
from interpret.guard.forbidden import forbidden
from interpret.messages import message
from interpret.report.findings import Statement
from interpret.report.reading import Reading
from interpret.report.urgency import report_urgency, speaks_of_malignancy, urgency_of
from interpret.types import ExplainedSentence, Span, Status, Urgency

Check = Callable[[str], bool]
"""Tells whether a composed sentence says only what the report says."""

_OVERALL = {
    Urgency.IMMEDIATE: "overall_immediate",
    Urgency.SOON: "overall_soon",
    Urgency.SCHEDULED: "overall_scheduled",
    Urgency.NONE: "overall_self",
}
_TERMS_TOLD = 2
_QUOTES_TOLD = 4


def explain(reading: Reading, plain_of: Callable[[str], str | None], holds: Check) -> list[ExplainedSentence]:
    """Compose the explanation.

    Args:
        reading: The report as read.
        plain_of: Plain words of a term entry.
        holds: The guard; a restatement it refuses gives way to the report's own words.

    Returns:
        Sentences in the order they are to be shown; each has source spans or citations.
    """
    topics = topics_of(reading)
    limited = [s for s in reading.statements if s.finding.status is Status.UNCERTAIN]
    normal = [s for s in reading.statements if s.finding.status is Status.NORMAL]
    out = [_overall(reading, topics, limited, normal)]
    told: set[str] = set()
    out += _critical(reading, told)
    for same in groupby(topics, key=_importance):
        group = list(same[1])
        for topic in group:
            if topic.guide is not None:
                out += topic_sentences(reading, topic, plain_of, holds, told)
        out += _unguided(reading, [topic for topic in group if topic.guide is None], plain_of, told)
    for statement in limited:
        quote = statement.finding.text.replace("\n", "")
        out.append(ExplainedSentence(message("limited", quote=quote), (statement.finding.span,), ()))
    return [*out, *_advice([*limited, *normal]), *normal_sentences(normal)]


def topics_of(reading: Reading) -> list[Topic]:
    """Return what is abnormal, repetitions merged, most urgent first."""
    items = [
        (statement, guide, urgency_of(statement, guide))
        for statement, guide in zip(reading.statements, reading.guides, strict=True)
        if statement.finding.status is Status.ABNORMAL
    ]
    critical = {finding.statement.finding.span: finding.urgency for finding in reading.critical}
    topics = merge([(s, g, min(u, critical.get(s.finding.span, u))) for s, g, u in items])
    serious = {topic.statement.subject for topic in topics if topic.urgency <= Urgency.SOON}
    grave = any(
        topic.urgency is Urgency.IMMEDIATE or speaks_of_malignancy(topic.statement)
        for topic in topics
        if topic.urgency <= Urgency.SOON
    )
    for topic in topics:
        topic.beside_serious = topic.urgency > Urgency.SOON and (grave or topic.statement.subject in serious)
        topic.advised = advised(reading, [topic.statement, *topic.advice])
    return sorted(topics, key=_importance)


def _importance(topic: Topic) -> tuple[Urgency, bool]:
    """Most urgent first; of the same urgency, what grew or is new."""
    return topic.urgency, not topic.changed


def _overall(
    reading: Reading, topics: list[Topic], limited: list[Statement], normal: list[Statement]
) -> ExplainedSentence:
    spans = tuple(span for topic in topics for span in topic.spans)
    if not topics and not limited:
        if not normal:
            return ExplainedSentence(message("overall_empty"), (), ())
        return ExplainedSentence(message("overall_normal"), tuple(s.finding.span for s in normal), ())
    urgency = report_urgency(reading.statements, reading.guides, reading.critical)
    if reading.critical and urgency is Urgency.IMMEDIATE:
        reasons = "、".join(dict.fromkeys(finding.reason for finding in reading.critical))
        critical = tuple(dict.fromkeys(finding.statement.finding.span for finding in reading.critical))
        return ExplainedSentence(message("overall_immediate", reasons=reasons), critical, ())
    key = "overall_now" if urgency is Urgency.IMMEDIATE else _OVERALL[urgency]
    if key == "overall_soon" and any(topic.today for topic in topics):
        key = "overall_today"
    return ExplainedSentence(message(key), spans or tuple(s.finding.span for s in limited), ())


def _critical(reading: Reading, told: set[str]) -> list[ExplainedSentence]:
    spans: dict[Span, str] = {}
    for finding in reading.critical:
        if finding.urgency is Urgency.IMMEDIATE:
            spans[finding.statement.finding.span] = _one_line(finding.statement)
    told.update(spans.values())
    return [ExplainedSentence(message("critical_finding", quote=quote), (span,), ()) for span, quote in spans.items()]


def topic_sentences(
    reading: Reading, topic: Topic, plain_of: Callable[[str], str | None], holds: Check, told: set[str]
) -> list[ExplainedSentence]:
    """Return one topic told: restated or quoted, the report's advice, then meaning and next step (each guide once).

    Args:
        reading: The report as read.
        topic: What to tell.
        plain_of: Plain words of a term entry.
        holds: The guard.
        told: Entry ids already explained (grows) and sentences quoted as critical.
    """
    spans = tuple(topic.spans)
    quote = topic.statement.finding.text.replace("\n", "")
    if topic.guide is not None:
        return _guided(topic, quote, spans, holds, told)
    out: list[ExplainedSentence] = []
    if quote not in told:
        out.append(ExplainedSentence(message("no_guide", quote=quote), spans, ()))
    return [*out, *_advice(topic.advice), *_term_notes(reading, topic.statement, plain_of, told)]


def _unguided(
    reading: Reading, topics: list[Topic], plain_of: Callable[[str], str | None], told: set[str]
) -> list[ExplainedSentence]:
    """Return what no guide explains: quoted word for word, a few at a time, said to be unexplained."""
    out: list[ExplainedSentence] = []
    if len(topics) == 1 or any(_one_line(topic.statement) in told for topic in topics):
        for topic in topics:
            out += topic_sentences(reading, topic, plain_of, lambda _: False, told)
        return out
    for start in range(0, len(topics), _QUOTES_TOLD):
        few = topics[start : start + _QUOTES_TOLD]
        quotes = "；".join(f"“{_one_line(topic.statement)}”" for topic in few)
        key, values = ("no_guides", {"quotes": quotes}) if len(few) > 1 else ("no_guide", {"quote": quotes.strip("“”")})
        out.append(ExplainedSentence(message(key, **values), tuple(span for t in few for span in t.spans), ()))
        out += _advice([statement for topic in few for statement in topic.advice])
        for topic in few:
            out += _term_notes(reading, topic.statement, plain_of, told)
    return out


def _advice(statements: Sequence[Statement]) -> list[ExplainedSentence]:
    """Quote what the reporting doctor advises, the same words once; a dose or a prescription is never repeated."""
    spans: dict[str, list[Span]] = {}
    for statement in statements:
        if statement.advice is not None and forbidden(statement.advice.text, [statement.advice.text]) is None:
            spans.setdefault(advice_words(statement), []).append(statement.advice.span)
    return [ExplainedSentence(message("advice", advice=words), tuple(at), ()) for words, at in spans.items()]


def _one_line(statement: Statement) -> str:
    return statement.finding.text.replace("\n", "")


def _guided(topic: Topic, quote: str, spans: tuple[Span, ...], holds: Check, told: set[str]) -> list[ExplainedSentence]:
    assert topic.guide is not None  # noqa: S101 - the caller chose this branch by it
    restated = restate(topic.statement, topic.guide)
    entry_id = topic.guide.entry.entry_id
    out: list[ExplainedSentence] = []
    composed = holds(restated.text)
    if composed:
        out.append(ExplainedSentence(restated.text, spans, (entry_id,)))
    if (not composed or not restated.complete) and quote not in told:
        out.append(ExplainedSentence(message("quoted", quote=quote), spans, ()))
    out += _advice(topic.advice)
    if entry_id not in told:
        told.add(entry_id)
        out += [ExplainedSentence(text, (), (entry_id,)) for text in topic.meanings]
    return out


def _term_notes(
    reading: Reading, statement: Statement, plain_of: Callable[[str], str | None], told: set[str]
) -> list[ExplainedSentence]:
    out: list[ExplainedSentence] = []
    span = statement.finding.span
    for term in reading.terms:
        inside = term.span.section is span.section and span.start <= term.span.start and term.span.end <= span.end
        if not inside or term.entry_id is None or term.entry_id in told or len(out) == _TERMS_TOLD:
            continue
        plain = plain_of(term.entry_id)
        if plain is not None:
            told.add(term.entry_id)
            out.append(
                ExplainedSentence(message("term_note", term=term.text, plain=plain), (term.span,), (term.entry_id,))
            )
    return out
