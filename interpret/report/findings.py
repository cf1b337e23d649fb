"""Findings: clauses joined to one statement about one structure, with status, side, level and measures."""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cache

from interpret.language import cues, pattern_of
from interpret.report.anatomy import Organ, lobes, organs, side_of
from interpret.report.automaton import Match
from interpret.report.levels import levels
from interpret.report.measure import measurements
from interpret.report.prepare import Prepared
from interpret.report.scopes import alternation, negated_spans
from interpret.report.split import Slice, clauses_with_advice, sentences
from interpret.report.status import is_uncertain, status_of
from interpret.report.terms import Form
from interpret.types import Finding, Measurement, Section, Side, Span, Status


@dataclass(frozen=True, slots=True)
class Advice:
    """What the report itself recommends (建议3个月后复查), where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Statement:
    """A finding with what explaining and checking need beyond the public fields."""

    finding: Finding
    prepared: str
    """The finding's text in normal writing."""
    subject: str | None
    """Organ root it is about: its own, or that of the statement before."""
    place: str
    """Words that stand before the first verb: "右肺上叶尖段"."""
    terms: tuple[tuple[int, int, str], ...] = ()
    """Slices of `prepared` that are hard terms, with their category."""
    advice: Advice | None = None


@dataclass(slots=True)
class _Draft:
    start: int
    end: int
    status: Status
    subject: str | None
    side: Side
    own_side: bool
    parts: list[Slice] = field(default_factory=list)
    advice: Slice | None = None


@cache
def _continues() -> re.Pattern[str]:
    return re.compile(f"(?:{alternation(cues('continuation'))})")


_VERB = re.compile(r"(?:可见|见|示|呈|有|为|内|未|无|显示|探及|发现|多发|散在|一枚|一个|数枚|数个|一|：)")
_STARTS_FRESH = re.compile(f"^(?:{alternation(cues('new_normal'))})")


def read_findings(prepared: Prepared, section: Section, raw: str, terms: list[Match[Form]]) -> list[Statement]:
    """Return the statements of one section in reading order.

    Args:
        prepared: The section in normal writing.
        section: Which section, for the spans.
        raw: The section as received; a finding's text is a slice of it.
        terms: Hard terms of the prepared text; composed ones are signs and make a clause abnormal.
    """
    signs = [(m.start, m.end) for m in terms if m.value.category == "composed"]
    drafts: list[_Draft] = []
    for sentence in sentences(prepared.text):
        drafts += _sentence_drafts(prepared.text, sentence, signs, drafts[-1] if drafts else None)
    marks = [(m.start, m.end, m.value.category) for m in terms]
    return [_statement(draft, prepared, section, raw, marks) for draft in drafts]


# "对比2025-03-02片：", "与2024年3月CT比较，": says what the rest is compared with
_COMPARED_WITH = re.compile(r"(?:与|和|对比|对照|比较|较)[^，：]{0,4}\d{4}[^，：]{0,20}[，：]")


def _sentence_drafts(text: str, sentence: Slice, signs: list[tuple[int, int]], before: _Draft | None) -> list[_Draft]:
    out: list[_Draft] = []
    pending: Slice | None = None  # "胆囊大小约65mm×28mm" says nothing yet, but names the organ of "壁毛糙"
    advised: _Draft | None = None  # who the clause before gave advice about: "，必要时行PET-CT" goes on with it
    if compared := _COMPARED_WITH.match(sentence.of(text)):
        sentence = Slice(sentence.start + compared.end(), sentence.end)
    if pattern_of("report_findings", "indication").match(sentence.of(text)):
        return out
    for clause in clauses_with_advice(text, sentence):
        current = out[-1] if out else None
        content = clause.of(text)
        if pattern_of("report_findings", "indication").match(content) and current is None:
            continue
        if pattern_of("report_findings", "advice").match(content) or (
            advised and pattern_of("report_findings", "more_advice").match(content)
        ):
            advised = _add_advice(current or before, clause, advised)
            continue
        advised = None
        own = _subject(content)
        status = status_of(content, composed_abnormal=_has_sign(text, clause, signs))
        if current is None and pending is None and before is not None and _reaches_back(content, own, status, before):
            before.end = clause.end
            before.parts.append(clause)
            continue
        if current is not None and _joins(current, content, own, status):
            current.end = clause.end
            current.parts.append(clause)
            if current.side is Side.NONE and current.status is not Status.NORMAL:
                current.side = side_of(content)
            continue
        if status is None:
            pending = clause if own is not None else pending
            continue
        if pending is not None and own is None and not _STARTS_FRESH.match(content):
            clause, content = Slice(pending.start, clause.end), text[pending.start : clause.end]
            own = _subject(content)
        pending = None
        out.append(_draft(clause, content, own, status, current, before))
    if pattern_of("guard_scope", "injection").search(sentence.of(text)):
        # an order to a machine calms nobody: what it says is in order is not the radiologist's word
        return [draft for draft in out if draft.status is not Status.NORMAL]
    return out


def _has_sign(text: str, clause: Slice, signs: list[tuple[int, int]]) -> bool:
    denied = negated_spans(clause.of(text))
    first, last = bisect_left(signs, (clause.start,)), bisect_left(signs, (clause.end,))
    return any(not any(a <= start - clause.start < b for a, b in denied) for start, _ in signs[first:last])


def _draft(
    clause: Slice, content: str, own: Organ | None, status: Status, current: _Draft | None, before: _Draft | None
) -> _Draft:
    inherited_subject = (
        before.subject if before is not None and pattern_of("report_findings", "bare_part").match(content) else None
    )
    side = side_of(content)
    inherited = current.side if current is not None and own is None and side is Side.NONE else side
    subject = own.root if own is not None else (current.subject if current is not None else inherited_subject)
    return _Draft(clause.start, clause.end, status, subject, inherited, side is not Side.NONE, [clause])


def _subject(content: str) -> Organ | None:
    """Return the organ a clause opens with, after side words and modifiers."""
    lead = pattern_of("report_findings", "modifier").match(content)
    reach = lead.end() if lead else 0
    for match in organs(content):
        if match.start <= reach:
            return match.value
    return None


_GENERIC = frozenset({"骨", "关节", "软组织"})
"""Parts every joint and bone has: beside a normal statement they go on with it."""


def _has_place(content: str) -> bool:
    return side_of(content) is not Side.NONE or bool(lobes(content)) or bool(levels(content))


_COMPRESSED_LUNG = re.compile(r"[左右双两]?侧?肺(?:组织)?(?:受压)?[^，]{0,4}压缩")
"""How large a pneumothorax is, not a finding of its own."""


def _joins(current: _Draft, content: str, own: Organ | None, status: Status | None) -> bool:
    """Tell whether a clause continues the statement before it in the same sentence."""
    if _STARTS_FRESH.match(content):
        return False
    if current.status is Status.ABNORMAL and _COMPRESSED_LUNG.match(content):
        return True
    if current.status is Status.UNCERTAIN and status is Status.ABNORMAL:
        return False
    continues = bool(_continues().match(content))
    if current.status is Status.NORMAL:
        if status in (Status.ABNORMAL, Status.UNCERTAIN):
            return False
        side = side_of(content)
        if own is not None and side not in (Side.NONE, current.side):
            return False
        return own is None or own.root == current.subject or own.root in _GENERIC or status is None
    if own is not None and own.root == current.subject and is_uncertain(content) and not _has_place(content):
        return True  # "右肺下叶结节较前增大，肺癌不除外": what the lesion may be
    if own is None:
        side = side_of(content)
        opposite = {current.side, side} == {Side.LEFT, Side.RIGHT}
        return not opposite and (continues or status is not Status.ABNORMAL or not _names_new_lesion(content))
    if status is None:
        return True
    starts_with_organ = bool(organs(content)) and organs(content)[0].start == 0
    return continues and not starts_with_organ


def _names_new_lesion(content: str) -> bool:
    """Tell whether a clause without an organ states another lesion: "慢性胆囊炎" after "胆囊结石"."""
    return bool(
        re.match(
            r"^(?:左|右|双|慢性|急性|陈旧|多发|少量|少许|轻度|另|脾大|腹水|胸水|门脉|门静脉|脂肪|[\u4e00-\u9fff]{2,8}(?:炎|瘤|癌|囊肿|结石|硬化|萎缩|增生|积液|钙化|骨折|退变|息肉|憩室|疝|腹水|梗死|出血)(?:\(|$))",
            content,
        )
    )


def _reaches_back(content: str, own: Organ | None, status: Status | None, before: _Draft) -> bool:
    """Tell whether a sentence still speaks of the lesion of the sentence before (边界清, 增强后强化)."""
    if before.status is Status.NORMAL or own is not None or _STARTS_FRESH.match(content):
        return False
    if re.match(
        r"^(?:大小|边界|边缘|形态|其内|内见|内可见|较大|大者|最大|增强|强化|CDFI|动脉期|静脉期|延迟期|病灶|病变|周围|邻近|分界|纵横比|后方)",
        content,
    ):
        return True
    return status is Status.NORMAL and bool(re.match(r"^(?:密度|信号|回声)", content))


def _add_advice(draft: _Draft | None, clause: Slice, advised: _Draft | None) -> _Draft | None:
    """Give a statement its advice, or lengthen what the clause before began; return who was advised."""
    if draft is None:
        return None
    if draft.advice is None:
        draft.advice = clause
    elif draft is advised or clause.start - draft.advice.end <= _NEXT_LINE:
        draft.advice = Slice(draft.advice.start, clause.end)
    else:
        return None
    return draft


_BRACKETED_ADVICE = re.compile(r"[(，](建议[^()]{2,60})\)")
_NEXT_LINE = 6
"""A stop, a line end and an item number: a second piece of advice follows the first."""


def _statement(
    draft: _Draft, prepared: Prepared, section: Section, raw: str, marks: list[tuple[int, int, str]]
) -> Statement:
    start, end = prepared.origin(draft.start, draft.end)
    content = prepared.text[draft.start : draft.end]
    advice = None
    if draft.advice is not None:
        first, last = prepared.origin(draft.advice.start, draft.advice.end)
        advice = Advice(text=draft.advice.of(prepared.text), span=Span(section, first, last))
    elif bracketed := _BRACKETED_ADVICE.search(content):
        first, last = prepared.origin(draft.start + bracketed.start(1), draft.start + bracketed.end(1))
        advice = Advice(text=bracketed.group(1), span=Span(section, first, last))
    found = levels(content)
    measures: list[Measurement] = measurements(content)
    finding = Finding(
        text=raw[start:end],
        span=Span(section, start, end),
        status=draft.status,
        side=draft.side,
        measurements=tuple(measures),
        uncertain=draft.status is not Status.NORMAL and is_uncertain(content),
        level="、".join(found) if found else None,
    )
    first_clause = draft.parts[0].of(prepared.text)
    verb = _VERB.search(first_clause)
    place = first_clause[: verb.start()] if verb else ""
    first, last = bisect_left(marks, (draft.start,)), bisect_left(marks, (draft.end,))
    inside = tuple((a - draft.start, b - draft.start, category) for a, b, category in marks[first:last])
    return Statement(finding, content, draft.subject, place, inside, advice)
