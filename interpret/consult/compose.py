"""An answer's sentences, composed from the report and from reviewed knowledge; no model needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from interpret.consult.draft import Draft, Source
from interpret.consult.intent import Intent
from interpret.consult.passages import passage_drafts
from interpret.consult.resolve import Resolved
from interpret.explain.compose import topics_of
from interpret.explain.merge import Topic
from interpret.explain.normal import normal_item
from interpret.explain.restate import restate
from interpret.guard.mentions import Claim, claims, related
from interpret.knowledge import Knowledge
from interpret.messages import message
from interpret.report.findings import Statement
from interpret.report.reading import Reading, ReportReader
from interpret.types import HospitalInfo, Patient, Side, Status, Urgency
from knowledge_base.entries import Entry

_SENTENCES = 6
_PASSAGES = 3
_TOPICS_TOLD = 4
_SEVERITY = {
    Urgency.IMMEDIATE: "severity_immediate",
    Urgency.SOON: "severity_soon",
    Urgency.SCHEDULED: "severity_scheduled",
    Urgency.NONE: "severity_self",
}
_FROM_REPORT = frozenset({Intent.OVERVIEW, Intent.SEVERITY, Intent.FOLLOW_UP, Intent.PLACE, Intent.EXISTENCE})


@dataclass(frozen=True, slots=True)
class Composed:
    """What will be checked and said."""

    drafts: tuple[Draft, ...]
    topics: tuple[Topic, ...]
    known: bool
    """False when neither report nor knowledge had an answer."""
    urgency: Urgency | None
    """Of the report's topics the answer speaks of."""


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes answers about one report (or none)."""

    knowledge: Knowledge
    reader: ReportReader
    reading: Reading | None
    hospital: HospitalInfo
    patient: Patient

    def compose(self, resolved: Resolved, intent: Intent) -> Composed:
        """Return the sentences of an answer, the report's part first."""
        if intent is Intent.DEPARTMENT:
            return self._department(resolved)
        topics, normal = self._about(resolved, intent)
        drafts = self._from_report(resolved, intent, topics, normal)
        known = bool(drafts)
        if intent not in _FROM_REPORT or not drafts or (resolved.words and not topics and not normal):
            found = self._from_knowledge(resolved, intent, told=drafts)
            known = known or bool(found)
            drafts += found
        if (
            self.reading is not None
            and resolved.words
            and not topics
            and not normal
            and found_nothing_of(self.reading, resolved)
        ):
            drafts.insert(0, Draft(message("not_in_report", topic=resolved.words[0]), fixed=True))
        urgency = min((topic.urgency for topic in topics), default=None)
        return Composed(tuple(drafts[: _SENTENCES + 1]), tuple(topics), known, urgency)

    # -- the report's part ------------------------------------------------------------------------------------

    def _about(self, resolved: Resolved, intent: Intent) -> tuple[list[Topic], list[Statement]]:
        if self.reading is None:
            return [], []
        topics = topics_of(self.reading)
        if not resolved.words and not resolved.claims:
            about_all = intent in {Intent.OVERVIEW, Intent.SEVERITY, Intent.FOLLOW_UP, Intent.CHANGE, Intent.PLACE}
            return (topics if about_all else []), []
        chosen = [t for t in topics if _is_about(t.statement, resolved)]
        normal = [
            s for s in self.reading.statements if s.finding.status is not Status.ABNORMAL and _is_about(s, resolved)
        ]
        return chosen, normal

    def _from_report(
        self, resolved: Resolved, intent: Intent, topics: list[Topic], normal: list[Statement]
    ) -> list[Draft]:
        if self.reading is None:
            return []
        if intent is Intent.OVERVIEW and not resolved.claims:
            return self._overview(topics)
        if not topics:
            return self._nothing_abnormal(resolved, intent, normal)
        drafts: list[Draft] = []
        if intent is Intent.SEVERITY:
            urgency = min(topic.urgency for topic in topics)
            drafts.append(_with_spans(message(_SEVERITY[urgency]), topics))
        if intent is Intent.FOLLOW_UP:
            drafts += self._advice(topics)
        else:
            drafts += self._told(topics)
        if intent in {Intent.SEVERITY, Intent.MEANING, Intent.CHANGE, Intent.FOLLOW_UP, Intent.OTHER}:
            drafts += self._meanings(topics, next_step=intent is not Intent.MEANING)
        return drafts

    def _overview(self, topics: list[Topic]) -> list[Draft]:
        assert self.reading is not None  # noqa: S101 - callers ask only with a report
        if not topics:
            spans = [Source(span=s.finding.span) for s in self.reading.statements]
            return [Draft(message("report_all_normal"), tuple(spans))] if spans else []
        urgency = min(topic.urgency for topic in topics)
        return [_with_spans(message(_SEVERITY[urgency]), topics), *self._told(topics)]

    def _told(self, topics: list[Topic]) -> list[Draft]:
        """Tell each topic; what is beyond the first few is quoted together, so that none is left out."""
        drafts = [self._restated(topic) for topic in topics[:_TOPICS_TOLD]]
        rest = topics[_TOPICS_TOLD:]
        if rest:
            quotes = "；".join(topic.statement.finding.text.replace("\n", "") for topic in rest)
            drafts.append(_with_spans(message("quoted", quote=quotes), rest))
        return drafts

    def _restated(self, topic: Topic) -> Draft:
        quote = message("quoted", quote=topic.statement.finding.text.replace("\n", ""))
        spans = tuple(Source(span=span) for span in topic.spans)
        if topic.guide is None:
            return Draft(quote, spans)
        told = restate(topic.statement, topic.guide)
        if not told.complete:
            return Draft(quote, spans)
        entry = topic.guide.entry
        return Draft(told.text, (*spans, _entry_source(entry)), (topic.guide.guide.plain_name,), instead=quote)

    def _advice(self, topics: list[Topic]) -> list[Draft]:
        drafts = []
        for topic in topics:
            for statement in topic.advice:
                if statement.advice is not None:
                    advice = statement.advice.text.removeprefix("建议").lstrip("：") or statement.advice.text
                    about = self._restated(topic)
                    drafts += [about, Draft(message("advice", advice=advice), (Source(span=statement.advice.span),))]
        if not drafts:
            drafts = [Draft(message("no_advice_in_report"), fixed=True)]
        return drafts[:4]

    def _meanings(self, topics: list[Topic], *, next_step: bool) -> list[Draft]:
        drafts: list[Draft] = []
        seen: set[str] = set()
        for topic in topics:
            if topic.guide is None or topic.guide.entry.entry_id in seen or len(seen) == 2:
                continue
            entry, guide = topic.guide.entry, topic.guide.guide
            seen.add(entry.entry_id)
            texts = [guide.meaning, guide.next_step] if next_step else [guide.meaning]
            drafts += [Draft(text, (_entry_source(entry),), (text,)) for text in texts if text]
        return drafts

    def _nothing_abnormal(self, resolved: Resolved, intent: Intent, normal: list[Statement]) -> list[Draft]:
        if resolved.side is not Side.NONE and resolved.from_history and not normal:
            side = {Side.LEFT: "左边", Side.RIGHT: "右边", Side.BOTH: "两边"}.get(resolved.side, "")
            return [Draft(message("no_such_side", side=side), fixed=True)]
        if normal:
            items = "；".join(dict.fromkeys(normal_item(s) for s in normal[:3]))
            return [Draft(message("normal_group", items=items), tuple(Source(span=s.finding.span) for s in normal[:3]))]
        if intent in {Intent.SEVERITY, Intent.FOLLOW_UP} and not resolved.words:
            return self._overview([])
        return []

    # -- knowledge's part -------------------------------------------------------------------------------------

    def _from_knowledge(self, resolved: Resolved, intent: Intent, told: list[Draft]) -> list[Draft]:
        drafts: list[Draft] = []
        if intent is Intent.MEANING:
            drafts += self._term(resolved)
        question = f"孕妇 {resolved.question}" if self.patient.pregnant else resolved.question
        result = self.knowledge.search(question, k=5)
        if result.known:
            limit = min(_PASSAGES, _SENTENCES - len(told) - len(drafts))
            drafts += passage_drafts(resolved.question, result.hits, self.knowledge, max(1, limit))
        said = {draft.text for draft in told}
        return [draft for draft in drafts if draft.text not in said]

    def _term(self, resolved: Resolved) -> list[Draft]:
        for word in resolved.words:
            for match in self.reader.marker.mark(word):
                entry = self.knowledge.entry(match.value.entry_id) if match.value.entry_id else None
                if entry is not None:
                    text = message("term_note", term=word, plain=entry.plain).removeprefix("其中")
                    return [Draft(text, (_entry_source(entry),), (entry.plain, text))]
        return []

    def _department(self, resolved: Resolved) -> Composed:
        phone = message("phone_known", phone=self.hospital.phone) if self.hospital.phone else ""
        drafts: list[Draft] = []
        topics, _ = self._about(resolved, Intent.SEVERITY)
        result = self.knowledge.search(f"看什么科 {resolved.question}", k=5)
        if result.known:
            drafts += passage_drafts(resolved.question, result.hits, self.knowledge, _PASSAGES)
        if self.hospital.departments:
            departments = "、".join(self.hospital.departments)
            drafts.append(Draft(message("departments", departments=departments, phone=phone), fixed=True))
        else:
            drafts.append(Draft(message("department_ask", phone=phone), fixed=True))
        urgency = min((topic.urgency for topic in topics), default=None)
        return Composed(tuple(drafts), tuple(topics), known=True, urgency=urgency)


def found_nothing_of(reading: Reading, resolved: Resolved) -> bool:
    """Tell whether the report never names what is asked about."""
    text = " ".join(prepared.text for prepared in reading.prepared.values())
    wanted = [claim for claim in resolved.claims if claim.concept is not None]
    named = [claim for claim in claims(text) if claim.concept is not None]
    if not wanted or any(word in text for word in resolved.words):
        return False
    return not any(related(str(w.concept), str(n.concept)) for w in wanted for n in named)


def _is_about(statement: Statement, resolved: Resolved) -> bool:
    """Tell whether a statement speaks of what is asked: the concept where one is named, else the organ; on its side."""
    if resolved.side in (Side.LEFT, Side.RIGHT) and statement.finding.side not in (resolved.side, Side.BOTH):
        return False
    own = claims(statement.prepared)
    asked = [claim for claim in resolved.claims if claim.concept is not None]
    if asked:
        return any(_matches(a, o, statement) for a in asked for o in own)
    organs = {organ for claim in resolved.claims for organ in claim.organs}
    named = {organ for claim in own for organ in claim.organs} | ({statement.subject} if statement.subject else set())
    if organs:
        return bool(organs & named)
    return any(word in statement.prepared for word in resolved.words)


def _matches(asked: Claim, own: Claim, statement: Statement) -> bool:
    if own.concept is None or not (
        related(str(asked.concept), own.concept) or related(own.concept, str(asked.concept))
    ):
        return False
    if own.negated and statement.finding.status is Status.ABNORMAL:
        return False
    organs = own.organs | (frozenset({statement.subject}) if statement.subject else frozenset())
    return not asked.organs or not organs or bool(asked.organs & organs)


def _with_spans(text: str, topics: Sequence[Topic]) -> Draft:
    spans = tuple(Source(span=span) for topic in topics for span in topic.spans)
    return Draft(text, spans, (text,))


def _entry_source(entry: Entry) -> Source:
    return Source(entry_id=entry.entry_id, title=entry.title)
