"""Which guide tells a finding to a patient."""

import re
from dataclasses import dataclass, replace

from interpret.knowledge import Knowledge
from interpret.report.anatomy import Organ, organs
from interpret.report.automaton import Match, WordAutomaton
from interpret.report.findings import Statement
from interpret.report.scopes import blank_out, negated_spans
from knowledge_base.entries import Entry, EntryKind, FindingGuide


@dataclass(frozen=True, slots=True)
class GuideMatch:
    """A guide and the word of the statement that chose it (offsets in the statement's prepared text)."""

    entry: Entry
    guide: FindingGuide
    start: int
    end: int
    others: tuple[str, ...] = ()
    """Words of the statement that other guides explain."""

    def word(self, statement: Statement) -> str:
        """Return the word as the report writes it."""
        return statement.prepared[self.start : self.end]


class GuideIndex:
    """Finds the guide with the longest concept that a statement affirms."""

    def __init__(self, knowledge: Knowledge) -> None:
        by_concept: dict[str, list[tuple[Entry, FindingGuide]]] = {}
        for entry in knowledge.entries(EntryKind.FINDING):
            if entry.guide is not None:
                for concept in entry.guide.concepts:
                    by_concept.setdefault(concept, []).append((entry, entry.guide))
        self._automaton = WordAutomaton(by_concept.items())

    def words(self, text: str) -> list[str]:
        """Return the guides' concepts a prepared text names, longest match."""
        return [text[m.start : m.end] for m in self._automaton.longest(text)]

    def choose(self, statement: Statement) -> GuideMatch | None:
        """Return the guide for an affirmed concept, or None; an organ-bound guide needs its organ.

        Of several things one statement names, the one taken for (考虑…) comes first, then the most urgent.
        """
        text = blank_out(statement.prepared, negated_spans(statement.prepared))
        concluded = _concluded(text)
        fitting = [
            GuideMatch(entry, guide, match.start, match.end)
            for match in self._automaton.matches(text)
            for entry, guide in match.value
            if (not guide.organs or _fits(guide.organs, statement)) and not _operated(text, match.end)
        ]
        whole = [m for m in fitting if not any(_inside(m, other) for other in fitting)]
        if not whole:
            return None

        def rank(match: GuideMatch) -> tuple[bool, int, int, bool, int]:
            first = concluded > 0 and match.start >= concluded
            length = match.end - match.start
            return first, -match.guide.urgency, length, bool(match.guide.organs), -match.start

        best = max(whole, key=rank)
        words = {text[m.start : m.end] for m in whole if m.entry.entry_id != best.entry.entry_id}
        return replace(best, others=tuple(sorted(words)))


def _inside(match: GuideMatch, other: GuideMatch) -> bool:
    return other.start <= match.start and match.end <= other.end and other.end - other.start > match.end - match.start


_AFTER_OPERATION = re.compile(r"[\u4e00-\u9fff]{0,6}(?<!手)术后")


def _operated(text: str, end: int) -> bool:
    """Tell whether a word names what was operated on (骨折术后, 结节切除术后): it is no finding of today."""
    return not text[:end].endswith("术后") and bool(_AFTER_OPERATION.match(text, end))


_CONCLUSION = re.compile(r"(?:考虑|符合|提示)(?:为|是)?(?=[\u4e00-\u9fff]{2})")
_ALTERNATIVES = re.compile(r"除外|排除|待排|待查|鉴别|或")


def _concluded(text: str) -> int:
    """Return where the statement says what it takes a thing for (考虑囊肿), or its start; not amid alternatives."""
    found = _CONCLUSION.search(text)
    return found.end() if found and not _ALTERNATIVES.search(text) else 0


def _fits(wanted: tuple[str, ...], statement: Statement) -> bool:
    """Tell whether a statement is about one of the organs: it names it, or names none and goes on with it.

    An organ inside the name of another (肾 in 肾上腺, 主动脉 in 主动脉瓣) is not named.
    """
    named = organs(statement.prepared)
    roots: set[str | None] = {match.value.root for match in named}
    roots = roots or {statement.subject}
    return any(_names(organ, statement.prepared, named) or _is_root(organ, roots, bool(named)) for organ in wanted)


def _names(organ: str, text: str, named: tuple[Match[Organ], ...]) -> bool:
    own = _roots(organ)
    for found in re.finditer(re.escape(organ), text):
        inside = next((m for m in named if m.start <= found.start() and found.end() <= m.end), None)
        if inside is None or not own or inside.value.root in own:
            return True
    return False


def _is_root(organ: str, roots: set[str | None], named: bool) -> bool:
    """A root (肺) is meant by any of its parts; a part (二尖瓣) only where the statement names no organ itself."""
    own = _roots(organ)
    return bool(own & roots) and (not named or organ in own)


def _roots(organ: str) -> set[str | None]:
    return {match.value.root for match in organs(organ)}
