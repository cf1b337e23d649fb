"""The impression repeats the findings: told once, with the spans of both."""

import re
from dataclasses import dataclass

from interpret.explain.advice import beside_advice
from interpret.guard.forbidden import is_calming
from interpret.guard.mentions import trend_of
from interpret.guard.quantities import quantities
from interpret.report.anatomy import lobes
from interpret.report.findings import Statement
from interpret.report.guides import GuideMatch
from interpret.report.measure import comparable
from interpret.types import Side, Span, Urgency

_NEW = re.compile(r"新发(?!骨折)|新出现|新见|新增")
_TODAY = re.compile(r"^(?:请)?今天")


@dataclass(slots=True)
class Topic:
    """Statements that say the same thing; the first is the one told."""

    statement: Statement
    guide: GuideMatch | None
    urgency: Urgency
    spans: list[Span]
    advice: list[Statement]
    beside_serious: bool = False
    """Something of the same organ needs a doctor soon: nothing calming is said beside it."""
    advised: str = ""
    """What the report itself advises on its organ: the guide says nothing against it."""

    @property
    def today(self) -> bool:
        """Tell whether the guide sends this finding to a doctor the same day (气胸, 静脉血栓)."""
        return (
            self.guide is not None and self.urgency <= Urgency.SOON and bool(_TODAY.match(self.guide.guide.next_step))
        )

    @property
    def changed(self) -> bool:
        """Tell whether the report calls it grown, more, or new."""
        return trend_of(self.statement.prepared) == "up" or self.new

    @property
    def new(self) -> bool:
        """Tell whether the report calls it new."""
        return bool(_NEW.search(self.statement.prepared))

    @property
    def meanings(self) -> list[str]:
        """Return the guide's meaning and next step; calming ones are left out beside or of something serious."""
        if self.guide is None:
            return []
        next_step = beside_advice(self.guide.guide.next_step, self.advised)
        texts = [text for text in (self.guide.guide.meaning, next_step) if text]
        raised = self.urgency <= Urgency.SOON and self.urgency < self.guide.guide.urgency
        if raised and self.urgency is Urgency.IMMEDIATE:
            texts = texts[:1]  # "within days" is no advice beside "at once"
        return [text for text in texts if not ((self.beside_serious or raised) and is_calming(text))]


def merge(items: list[tuple[Statement, GuideMatch | None, Urgency]]) -> list[Topic]:
    """Group repeated statements; a repetition that adds a number, a hedge or another place stays by itself."""
    topics: list[Topic] = []
    for statement, guide, urgency in items:
        for topic in topics:
            if _same(topic, statement, guide):
                _add(topic, statement, guide, urgency)
                break
        else:
            advice = [statement] if statement.advice else []
            topics.append(Topic(statement, guide, urgency, [statement.finding.span], advice))
    return topics


def _add(topic: Topic, statement: Statement, guide: GuideMatch | None, urgency: Urgency) -> None:
    topic.spans.append(statement.finding.span)
    topic.urgency = min(topic.urgency, urgency)
    if statement.advice:
        topic.advice.append(statement)
    others = topic.guide.others if topic.guide is not None else ()
    more = guide is not None and not _names(topic.statement, guide.others)
    wider = _covers(statement, topic.statement) and not _covers(topic.statement, statement)
    if (wider or more) and _names(statement, others):
        topic.statement, topic.guide = statement, guide


def _same(topic: Topic, statement: Statement, guide: GuideMatch | None) -> bool:
    if (topic.guide is None) != (guide is None):
        return False
    if topic.guide is None or guide is None:
        return topic.statement.prepared == statement.prepared
    if topic.guide.entry.entry_id != guide.entry.entry_id:
        return False
    first, second = topic.statement, statement
    apart = first.finding.span.section is not second.finding.span.section
    if not _same_words(topic, statement, guide, apart):
        return False
    if first.finding.uncertain != second.finding.uncertain or not _places_agree(first, second):
        return False
    whole = _names(first, guide.others) and _covers(first, second)
    return whole or (_names(second, topic.guide.others) and _covers(second, first))


def _names(teller: Statement, words: tuple[str, ...]) -> bool:
    """Tell whether a statement names what else another one holds (结石 of "结石伴积水")."""
    return all(word in teller.prepared for word in words)


_DESCRIPTIVE = re.compile(r"影|区|回声|密度|信号|光团|斑$|灶|团")


def _same_words(topic: Topic, statement: Statement, guide: GuideMatch, apart: bool) -> bool:
    """Different things of one guide (曲度变直, 骨质增生) are each told.

    The impression may name what the findings describe: 肝囊肿 is the 无回声区.
    """
    if topic.guide is None:
        return False
    first, second = topic.guide.word(topic.statement), guide.word(statement)
    described = apart and (_DESCRIPTIVE.search(first) or _DESCRIPTIVE.search(second))
    return first in second or second in first or bool(described)


def _places_agree(first: Statement, second: Statement) -> bool:
    if first.finding.level != second.finding.level:
        return False
    if first.finding.side is not second.finding.side and Side.NONE not in (first.finding.side, second.finding.side):
        return False
    lobes_first = {m.value for m in lobes(first.prepared)}
    lobes_second = {m.value for m in lobes(second.prepared)}
    return lobes_first <= lobes_second or lobes_second <= lobes_first


def _covers(teller: Statement, told: Statement) -> bool:
    """Tell whether `teller` holds every number, grade, comparison and side of `told`."""
    values = {comparable(m) for m in teller.finding.measurements}
    said = {comparable(m) for m in told.finding.measurements}
    whole, part = quantities(teller.prepared), quantities(told.prepared)
    graded = part.grades <= whole.grades and part.counts <= whole.counts
    compared = trend_of(told.prepared) in (None, trend_of(teller.prepared))
    same_side = teller.finding.side is told.finding.side or told.finding.side is Side.NONE
    return said <= values and graded and compared and same_side
