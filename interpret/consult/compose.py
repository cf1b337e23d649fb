"""An answer's sentences, composed from the report and from reviewed knowledge; no model needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from interpret.consult.about import about, denied_in, not_in_report
from interpret.consult.draft import Draft, Source
from interpret.consult.intent import Intent, asks_cause, has_own_theme
from interpret.consult.passages import about_subject, covers, on_theme, passage_drafts
from interpret.consult.resolve import Resolved, asks_more, without_malignancy
from interpret.consult.speaks import Beside
from interpret.consult.told import (
    advice,
    advice_elsewhere,
    advised_of,
    departments,
    entry_source,
    severity,
    with_spans,
)
from interpret.explain.compose import topics_of
from interpret.explain.merge import Topic
from interpret.explain.normal import normal_item
from interpret.explain.restate import restate
from interpret.guard.forbidden import is_calming
from interpret.guard.mentions import trend_of
from interpret.knowledge import Knowledge
from interpret.language import pattern_of
from interpret.messages import message
from interpret.report.anatomy import side_of
from interpret.report.findings import Statement
from interpret.report.reading import Reading, ReportReader
from interpret.types import HospitalInfo, Patient, Side, Span, Status, Urgency

_SENTENCES = 6
_PASSAGES = 3
_HITS = 10
_CALM = ("severity_scheduled", "severity_self", "severity_unknown", "report_all_normal")
_NEW_ONE = re.compile(r"新(?:的|发|长|出)")
_TOPICS_TOLD = 4
_ADVICE_TOLD = 2
_FUTURE = re.compile(r"会|以后|将来|今后|癌变|恶变|变成|发展")
_TELLS_ADVICE = frozenset({Intent.SEVERITY, Intent.CHANGE})
_MALIGNANT = re.compile(r"癌|恶性|肿瘤|脑瘤|瘤子|坏东西|脏东西|不好的(?:东西|病)")
_ABOUT_ALL = frozenset({Intent.OVERVIEW, Intent.SEVERITY, Intent.FOLLOW_UP, Intent.CHANGE, Intent.PLACE})
"""What a question without a subject asks of the whole report."""
_FROM_REPORT = frozenset({Intent.OVERVIEW, Intent.SEVERITY, Intent.FOLLOW_UP, Intent.PLACE, Intent.EXISTENCE})


def _asks_one_thing(resolved: Resolved) -> bool:
    """Tell whether the longest word holds everything asked about ("息肉还是石头" asks of two things)."""
    words = [claim.word for claim in resolved.claims if claim.concept is not None]
    return bool(resolved.words) and all(word in resolved.words[0] for word in words)


@dataclass(frozen=True, slots=True)
class Composed:
    """What will be checked and said."""

    drafts: tuple[Draft, ...]
    topics: tuple[Topic, ...]
    known: bool
    """False when neither report nor knowledge had an answer."""
    urgency: Urgency | None
    """Of the report's topics the answer speaks of."""


@dataclass(frozen=True)
class Composer:
    """Composes answers about one report (or none)."""

    knowledge: Knowledge
    reader: ReportReader
    reading: Reading | None
    hospital: HospitalInfo
    patient: Patient

    @cached_property
    def _topics(self) -> list[Topic]:
        """The report's topics, most important first."""
        return [] if self.reading is None else topics_of(self.reading)

    @cached_property
    def _serious(self) -> list[Topic]:
        """Topics that need a doctor soon: nothing found by likeness may calm beside them (现在不急着处理)."""
        return [topic for topic in self._topics if topic.urgency <= Urgency.SOON]

    def compose(self, resolved: Resolved, intent: Intent) -> Composed:
        """Return the sentences of an answer: what needs help at once first, then the report's part."""
        composed = self._not_calm_alone(self._urgent_first(self._answered(resolved, intent)))
        if not resolved.symptom:
            return composed
        return replace(composed, drafts=(*composed.drafts, Draft(message("symptom_seen"), fixed=True)))

    def _urgent_first(self, composed: Composed) -> Composed:
        """Whatever is asked (能开车吗), a report that calls for help at once says so first."""
        urgent = [topic for topic in self._topics if topic.urgency is Urgency.IMMEDIATE]
        said = {severity([topic]).text for topic in urgent}
        if not urgent or any(draft.text in said for draft in composed.drafts):
            return composed
        return replace(composed, drafts=(with_spans(message("urgent_in_report"), urgent), *composed.drafts))

    def _not_calm_alone(self, composed: Composed) -> Composed:
        """Calm words of one finding (不需要特殊处理) are not left alone beside another that needs a doctor soon."""
        calm = {message(key) for key in _CALM}
        at = next((n for n, draft in enumerate(composed.drafts) if draft.text in calm), None)
        if at is None or not self._serious:
            return composed
        also = with_spans(message("serious_elsewhere"), self._serious)
        return replace(composed, drafts=(*composed.drafts[: at + 1], also, *composed.drafts[at + 1 :]))

    def _answered(self, resolved: Resolved, intent: Intent) -> Composed:
        if intent is Intent.DEPARTMENT:
            return self._department(resolved)
        if self.reading is not None and pattern_of("consult_resolve", "other_person").search(resolved.asked):
            return Composed((Draft(message("other_person"), fixed=True),), (), known=True, urgency=None)
        if asks_cause(resolved.asked) and (composed := self._composed(resolved, Intent.OTHER)).known:
            return composed
        if intent is Intent.OTHER and not asks_more(resolved):
            intent = Intent.MEANING
        elif intent in _ABOUT_ALL and has_own_theme(resolved.asked):
            intent = Intent.OTHER
        if (
            _MALIGNANT.search(resolved.asked)
            and self.reading is not None
            and not _MALIGNANT.search(self._report_text())
        ):
            resolved, intent = without_malignancy(resolved), Intent.SEVERITY
        return self._composed(resolved, intent)

    def _composed(self, resolved: Resolved, intent: Intent) -> Composed:
        aside = resolved.foreign and intent is not Intent.OVERVIEW
        topics, normal = ([], []) if aside else self._about(resolved, intent)
        # nothing of the report answers a subject the report does not know, not even "nothing abnormal"
        drafts = [] if aside else self._from_report(resolved, intent, topics, normal)
        known = bool(drafts)
        other_side = resolved.from_history and resolved.side is not Side.NONE
        silent = self.reading is not None and not topics and not normal
        lacking = not_in_report(self.reading, resolved) if self.reading is not None and silent else None
        if intent not in _FROM_REPORT or (not drafts and not other_side):
            found = self._from_knowledge(resolved, intent, told=drafts, absent=lacking is not None)
            # a question of its own (饮食, 运动) is answered by knowledge or not at all
            known = bool(found) or (known and intent is not Intent.OTHER)
            if intent is not Intent.OTHER:
                drafts = [*drafts, *found]
            elif has_own_theme(resolved.asked):  # 抽烟有影响吗: what was asked comes before what the report says
                drafts = [*found, *drafts[:2]]
            else:
                drafts = [*drafts[:2], *found]
        if lacking is not None:
            drafts.insert(0, Draft(message("not_in_report", topic=lacking), fixed=True))
        urgency = min((topic.urgency for topic in topics), default=None)
        return Composed(tuple(drafts[: _SENTENCES + _ADVICE_TOLD]), tuple(topics), known, urgency)

    # -- the report's part ------------------------------------------------------------------------------------

    def _about(self, resolved: Resolved, intent: Intent) -> tuple[list[Topic], list[Statement]]:
        if self.reading is None:
            return [], []
        topics = self._topics
        if _NEW_ONE.search(resolved.asked) and (new := [t for t in topics if t.new]):
            return new, []
        if not resolved.words and not resolved.claims:
            if resolved.side in (Side.LEFT, Side.RIGHT):
                found = [t for t in topics if t.statement.finding.side in (resolved.side, Side.BOTH)]
                normal = [s for s in self.reading.statements if s.finding.status is Status.NORMAL]
                return found, [s for s in normal if s.finding.side is resolved.side]
            return (topics if intent in _ABOUT_ALL else []), []
        rest = [s for s in self.reading.statements if s.finding.status is not Status.ABNORMAL]
        wanted = {id(s) for s in about([*(t.statement for t in topics), *rest], resolved)}
        found = [t for t in topics if id(t.statement) in wanted]
        told = [s for s in rest if id(s) in wanted]
        # a side asked of before ("左边有没有斑块") is none of "严重吗"
        sided = side_of(resolved.asked) in (Side.LEFT, Side.RIGHT)
        if not found and topics and resolved.from_history and intent in _ABOUT_ALL and not (told and sided):
            # what was spoken of before is not there: 多久复查 asks of the whole report, 左边第几根 of that side
            if not sided:
                return topics, []
            if not pattern_of("consult_resolve", "side_only").search(resolved.asked):
                return [t for t in topics if t.statement.finding.side in (resolved.side, Side.BOTH)], []
        if _asks_one_thing(resolved):
            word = resolved.words[0]
            named = [t for t in found if word in t.statement.prepared]
            denied = [s for s in told if word in s.prepared]
            if named or denied:
                return named, denied if not named else told
        return found, told

    def _from_report(
        self, resolved: Resolved, intent: Intent, topics: list[Topic], normal: list[Statement]
    ) -> list[Draft]:
        if self.reading is None:
            return []
        if intent is Intent.OVERVIEW and not resolved.claims:
            return self._overview(topics)
        if not topics:
            return self._nothing_abnormal(resolved, intent, normal)
        denying = [topic for topic in topics if denied_in(topic.statement, resolved)]
        if denying and len(denying) == len(topics):
            return [self._quoted(t.statement.finding.text, t.spans) for t in denying[:_TOPICS_TOLD]]
        drafts: list[Draft] = []
        if _MALIGNANT.search(resolved.question) and not _MALIGNANT.search(self._report_text()):
            drafts.append(Draft(message("malignancy_not_written"), fixed=True))
        elif intent is Intent.SEVERITY:
            drafts.append(severity(topics))
        compared = [topic for topic in topics if trend_of(topic.statement.prepared) or topic.changed]
        foretold = intent is Intent.CHANGE and (not compared or bool(_FUTURE.search(resolved.asked)))
        if intent is Intent.CHANGE and any(topic.changed for topic in compared):
            drafts.append(severity(topics))
        elif foretold and not compared:
            drafts.append(Draft(message("change_unknown"), fixed=True))
        if intent is Intent.MEANING:
            serious = min(topic.urgency for topic in topics) <= Urgency.SOON
            drafts += [d for d in self._term(resolved) if not (serious and is_calming(d.text))]
        if intent is Intent.FOLLOW_UP:
            # "可以等半年再查吗" of what needs a doctor within days
            soon = min(topic.urgency for topic in topics) <= Urgency.SOON
            drafts += [*([severity(topics)] if soon else []), *self._advice(topics)]
        else:
            first, *others = self._told(topics)
            drafts += [first, *(advised_of(topics)[:_ADVICE_TOLD] if intent in _TELLS_ADVICE else []), *others]
            if intent is Intent.PLACE:  # 前列腺多大: the size stands in a sentence that is normal
                measured = [s for s in normal if s.finding.measurements]
                drafts = [*(self._quoted(s.finding.text, [s.finding.span]) for s in measured), *drafts]
            elif intent is Intent.EXISTENCE and normal:
                drafts += self._nothing_abnormal(resolved, intent, normal)
        if compared and foretold:
            drafts.append(Draft(message("change_unknown"), fixed=True))
        if intent in {Intent.SEVERITY, Intent.MEANING, Intent.CHANGE, Intent.FOLLOW_UP}:
            drafts += self._meanings(topics, next_step=intent is not Intent.MEANING)
        return drafts

    def _report_text(self) -> str:
        return "" if self.reading is None else f"{self.reading.report.findings}{self.reading.report.impression}"

    def _overview(self, topics: list[Topic]) -> list[Draft]:
        assert self.reading is not None  # noqa: S101 - callers ask only with a report
        if not topics:
            spans = [Source(span=s.finding.span) for s in self.reading.statements]
            normal = [Draft(message("report_all_normal"), tuple(spans))] if spans else []
            return [*normal, *advice(self._advised_statements())[:_ADVICE_TOLD]]
        first, *others = self._told(topics)
        return [severity(topics), first, *advised_of(topics)[:_ADVICE_TOLD], *others]

    def _told(self, topics: list[Topic]) -> list[Draft]:
        """Tell each topic; what is beyond the first few is quoted together, so that none is left out."""
        drafts = [self._restated(topic) for topic in topics[:_TOPICS_TOLD]]
        rest = topics[_TOPICS_TOLD:]
        if rest:
            quotes = "；".join(topic.statement.finding.text.replace("\n", "") for topic in rest)
            drafts.append(with_spans(message("quoted", quote=quotes), rest))
        return drafts

    def _quoted(self, text: str, spans: Sequence[Span]) -> Draft:
        return Draft(message("quoted", quote=text.replace("\n", "")), tuple(Source(span=span) for span in spans))

    def _restated(self, topic: Topic) -> Draft:
        quoted = self._quoted(topic.statement.finding.text, topic.spans)
        quote, spans = quoted.text, quoted.sources
        if topic.guide is None:
            return quoted
        told = restate(topic.statement, topic.guide)
        text = told.text if told.complete else f"{told.text.removesuffix('。')}；{quote}"
        entry = topic.guide.entry
        return Draft(text, (*spans, entry_source(entry)), (topic.guide.guide.plain_name,), instead=quote)

    def _advice(self, topics: list[Topic]) -> list[Draft]:
        drafts: list[Draft] = []
        for topic in topics:
            if topic.advice:
                drafts += [self._restated(topic), *advised_of([topic])]
        if not drafts:
            told = [self._restated(topic) for topic in topics[:2]]
            others = advice_elsewhere(self._advised_statements())[:_ADVICE_TOLD]
            silent = message("no_advice_for_this" if others else "no_advice_in_report")
            drafts = [*told, Draft(silent, fixed=True), *others]
        return drafts[:_SENTENCES]

    def _advised_statements(self) -> list[Statement]:
        return [] if self.reading is None else [s for s in self.reading.statements if s.advice is not None]

    def _meanings(self, topics: list[Topic], *, next_step: bool) -> list[Draft]:
        drafts: list[Draft] = []
        seen: set[str] = set()
        # beside what needs a doctor soon, what is said of the rest ("很常见，是良性的") would be heard of it too
        serious = [topic for topic in topics if topic.urgency <= Urgency.SOON]
        for topic in serious or topics:
            if topic.guide is None or topic.guide.entry.entry_id in seen or len(seen) == 2:
                continue
            entry = topic.guide.entry
            seen.add(entry.entry_id)
            texts = topic.meanings if next_step else topic.meanings[:1]
            drafts += [Draft(text, (entry_source(entry),), (text,)) for text in texts]
        return drafts

    def _nothing_abnormal(self, resolved: Resolved, intent: Intent, normal: list[Statement]) -> list[Draft]:
        if resolved.side is not Side.NONE and resolved.from_history and not normal:
            side = {Side.LEFT: "左边", Side.RIGHT: "右边", Side.BOTH: "两边"}.get(resolved.side, "")
            return [Draft(message("no_such_side", side=side), fixed=True)]
        if normal:
            items = "；".join(dict.fromkeys(normal_item(s) for s in normal[:3]))
            return [Draft(message("normal_group", items=items), tuple(Source(span=s.finding.span) for s in normal[:3]))]
        assert self.reading is not None  # noqa: S101 - the caller asks only with a report
        if intent is Intent.FOLLOW_UP and resolved.from_history:
            return advice(self._advised_statements())[:_ADVICE_TOLD]
        if intent in {Intent.SEVERITY, Intent.FOLLOW_UP} and not resolved.words and not self._topics:
            return self._overview([])
        return []

    # -- knowledge's part -------------------------------------------------------------------------------------

    def _from_knowledge(self, resolved: Resolved, intent: Intent, told: list[Draft], *, absent: bool) -> list[Draft]:
        drafts: list[Draft] = [] if told or intent is not Intent.MEANING else self._term(resolved)
        if intent is Intent.MEANING and (told or drafts):
            return drafts
        before = min(len(told), 2) if intent is Intent.OTHER else len(told)
        limit = max(1, min(_PASSAGES, _SENTENCES - before - len(drafts)))
        beside = None if self.reading is None else Beside(self.reading, resolved, absent)
        for question in dict.fromkeys((resolved.question, resolved.asked)):
            result = self.knowledge.search(f"孕妇 {question}" if self.patient.pregnant else question, k=_HITS)
            hits = on_theme(resolved.asked, result.hits, self.knowledge) if result.known else []
            hits = about_subject(resolved.words, resolved.parts, hits, self.knowledge)
            if beside is not None:
                hits = [hit for hit in hits if beside.may_speak(self.knowledge.entry(hit.chunk.entry_id))]
            if resolved.from_history:
                hits = [hit for hit in hits if covers(resolved.asked, hit, self.knowledge)]
            drafts += passage_drafts(resolved.question, hits, self.knowledge, limit)
            if drafts:
                break
        said = {draft.text for draft in told}
        serious = bool(self._serious) and not has_own_theme(resolved.asked)
        return [draft for draft in drafts if draft.text not in said and not (serious and is_calming(draft.text))]

    def _term(self, resolved: Resolved) -> list[Draft]:
        for word in resolved.words:
            for match in self.reader.marker.mark(word):
                entry = self.knowledge.entry(match.value.entry_id) if match.value.entry_id else None
                if entry is not None:
                    text = message("term_note", term=word, plain=entry.plain).removeprefix("其中")
                    return [Draft(text, (entry_source(entry),), (entry.plain, text))]
        return []

    def _department(self, resolved: Resolved) -> Composed:
        phone = message("phone_known", phone=self.hospital.phone) if self.hospital.phone else ""
        drafts: list[Draft] = []
        topics, _ = self._about(resolved, Intent.SEVERITY)
        sent = [draft for draft in advised_of(topics) if "科" in draft.text]
        drafts += [*sent, *departments(topics)]
        result = self.knowledge.search(f"看什么科 {resolved.question}", k=5)
        if result.known and not drafts:
            hits = about_subject(resolved.words, resolved.parts, result.hits, self.knowledge)
            found = passage_drafts(resolved.question, hits, self.knowledge, _PASSAGES)
            drafts += [draft for draft in found if "科" in draft.text]
        if self.hospital.departments:
            names = "、".join(self.hospital.departments)
            drafts.append(Draft(message("departments", departments=names, phone=phone), fixed=True))
        else:
            drafts.append(Draft(message("department_ask", phone=phone), fixed=True))
        urgency = min((topic.urgency for topic in topics), default=None)
        return Composed(tuple(drafts), tuple(topics), known=True, urgency=urgency)
