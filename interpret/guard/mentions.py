"""What a text claims, claim by claim: a concept with its organ, side, lobe, level, polarity and certainty."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from interpret.language import cues, pattern_of, table
from interpret.report.anatomy import lobes, organs, side_of
from interpret.report.automaton import WordAutomaton
from interpret.report.levels import levels
from interpret.report.scopes import alternation, negated_spans
from interpret.report.split import clauses, sentences
from interpret.report.terms import TermMarker
from interpret.types import Side

Place = tuple[Side, str | None]
"""A side and the lobe it goes with: 左肺上叶及右肺下叶 is two of them."""


@cache
def _concepts() -> WordAutomaton[str]:
    return WordAutomaton((s, concept) for concept, line in table("concepts")["concepts"].items() for s in line.split())


@cache
def parents() -> Mapping[str, frozenset[str]]:
    """Return, for each concept, the wider ones it also answers for."""
    return {concept: frozenset(line.split()) for concept, line in table("concepts")["parents"].items()}


def related(said: str, known: str) -> bool:
    """Tell whether a claim of `said` can rest on a report's `known`."""
    return said == known or said in parents().get(known, frozenset())


@dataclass(frozen=True, slots=True)
class Claim:
    """One concept, or one organ without a concept, as one clause claims it."""

    concept: str | None
    word: str
    organs: frozenset[str]
    places: frozenset[Place]
    levels: frozenset[str]
    negated: bool
    uncertain: bool
    trend: str | None
    severity: str | None
    clause: str

    @property
    def sides(self) -> frozenset[Side]:
        """Return the sides claimed, NONE left out."""
        return frozenset(side for side, _ in self.places if side is not Side.NONE)


_SIDE_WORD = re.compile(r"双侧|两侧|左右两?侧|两边|双|两(?=肺|肾|乳|膈|上|下|侧|眼|耳|髋|膝|肩)|左|右")
_SEVERITY = re.compile(r"轻度|轻微|中度|重度|严重|少量|中量|大量|少许|明显")
_SEVERITY_CLASS = {
    "轻度": "1",
    "轻微": "1",
    "少量": "1",
    "少许": "1",
    "中度": "2",
    "中量": "2",
    "重度": "3",
    "严重": "3",
    "大量": "3",
}


@cache
def _trends() -> list[tuple[str, re.Pattern[str]]]:
    lay = {
        "up": "变大了|长大了|变多了|比(?:以前|上次|之前)[^，。]{0,4}(?:大|多|重|厚)",
        "down": "变小了|变少了|比(?:以前|上次|之前)[^，。]{0,4}(?:小|少|轻|好)|吸收了",
        "same": "差不多|没变化|没有变化|没什么变化|没有明显变化|没怎么变",
    }
    return [(name, re.compile(f"{alternation(cues(f'trend_{name}'))}|{lay[name]}")) for name in ("same", "down", "up")]


def trend_of(text: str) -> str | None:
    """Return up, down or same when a text compares with an earlier examination."""
    if not pattern_of("guard_mentions", "trend_context").search(text):
        return None
    return next((name for name, pattern in _trends() if pattern.search(text)), None)


def places(text: str) -> frozenset[Place]:
    """Return (side, lobe) pairs: a lobe takes the side word before it."""
    out: set[Place] = set()
    marks = [(m.start, m.value) for m in lobes(text)]
    words = [
        (m.start(), side_of(text[m.start() : m.start() + 8])) for m in _SIDE_WORD.finditer(text) if _is_side(text, m)
    ]
    side_used: dict[int, bool] = {position: False for position, _ in words}
    for position, lobe in marks:
        before = [(at, side) for at, side in words if at <= position]
        at, side = before[-1] if before else (-1, Side.NONE)
        if at >= 0:
            side_used[at] = True
        out.add((side, lobe))
    out |= {(side, None) for at, side in words if not side_used[at]}
    return frozenset(out)


def _is_side(text: str, match: re.Match[str]) -> bool:
    window = text[max(0, match.start() - 3) : match.start() + 8]
    return side_of(window) is not Side.NONE and side_of(text[match.start() : match.start() + 8]) is not Side.NONE


def denied_spans(text: str) -> list[tuple[int, int]]:
    """Return denied slices, lay denials (没看到, 不是) included."""
    spans = list(negated_spans(text))
    blocked = [m.span() for m in pattern_of("guard_mentions", "not_denial").finditer(text)]
    for match in pattern_of("guard_mentions", "lay_denial").finditer(text):
        if any(a <= match.start() < b for a, b in blocked) or not match.group():
            continue
        stops = [at for at in (text.find(c, match.end()) for c in "，。；但") if at >= 0]
        spans.append((match.start(), min(stops, default=len(text))))
    return spans


WORD = "="
"""Begins the concept of a claim that only a hard term names (集合系统分离): the open vocabulary."""
_WORD_CATEGORIES = frozenset({"composed", "sign", "disease", "term"})
_ANYTHING = re.compile(r"异常(?!密度|信号|回声|强化|放射)")


@lru_cache(maxsize=1024)
def claims(text: str, marker: TermMarker | None = None) -> tuple[Claim, ...]:
    """Return the claims of a prepared text; clauses without a place of their own inherit it in their sentence.

    Args:
        text: Prepared text.
        marker: When given, hard terms beside the base concepts are claims too, as `WORD` + term.
    """
    out: list[Claim] = []
    for sentence in sentences(text):
        before: tuple[frozenset[str], frozenset[Place], frozenset[str]] = (frozenset(), frozenset(), frozenset())
        for clause in clauses(text, sentence):
            content = clause.of(text)
            before = _clause_claims(content, marker, before, out)
    return tuple(out)


def _clause_claims(
    content: str,
    marker: TermMarker | None,
    before: tuple[frozenset[str], frozenset[Place], frozenset[str]],
    out: list[Claim],
) -> tuple[frozenset[str], frozenset[Place], frozenset[str]]:
    own_organs = frozenset(m.value.root for m in organs(content))
    own_places, own_levels = places(content), frozenset(levels(content))
    new_subject = bool(own_organs) and not own_organs & before[0]
    here_organs = own_organs or before[0]
    here_places = own_places or (frozenset() if new_subject else before[1])
    here_levels = own_levels or (frozenset() if new_subject else before[2])
    denied = denied_spans(content)
    uncertain = bool(pattern_of("guard_mentions", "lay_hedge").search(content))
    trend, severity = trend_of(content), _severity(content)
    found = _concepts().longest(content)
    bare = Claim(None, "", here_organs, here_places, here_levels, bool(denied), uncertain, trend, severity, content)
    for match in found:
        negated = any(a <= match.start < b for a, b in denied)
        out.append(replace(bare, concept=match.value, word=content[match.start : match.end], negated=negated))
    if not found and own_organs:
        out.append(bare)
    taken = [(match.start, match.end) for match in found]
    for start, end in _words(content, marker, taken):
        negated = any(a <= start < b for a, b in denied)
        word = content[start:end]
        out.append(replace(bare, concept=f"{WORD}{word}", word=word, negated=negated))
    return here_organs, here_places, here_levels


def _words(content: str, marker: TermMarker | None, taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return hard terms (and a bare 异常) that no base concept covers."""
    if marker is None:
        return []
    spans = [(m.start, m.end) for m in marker.mark(content) if m.value.category in _WORD_CATEGORIES]
    spans += [m.span() for m in _ANYTHING.finditer(content) if not any(a < m.end() and m.start() < b for a, b in spans)]
    structures = [(m.start, m.end) for m in organs(content)]
    spans = [span for span in spans if span not in structures]
    return [(start, end) for start, end in spans if not any(a < end and start < b for a, b in taken)]


def _severity(text: str) -> str | None:
    found = {_SEVERITY_CLASS[m.group()] for m in _SEVERITY.finditer(text) if m.group() in _SEVERITY_CLASS}
    return found.pop() if len(found) == 1 else None
