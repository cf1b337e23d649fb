"""Which guide tells a finding to a patient."""

from dataclasses import dataclass

from interpret.knowledge import Knowledge
from interpret.report.anatomy import organs
from interpret.report.automaton import WordAutomaton
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
        """Return the guide for an affirmed concept, or None; an organ-bound guide needs its organ."""
        text = blank_out(statement.prepared, negated_spans(statement.prepared))
        named = {m.value.root for m in organs(statement.prepared)} | {statement.subject}
        best: tuple[tuple[int, bool, int], GuideMatch] | None = None
        for match in self._automaton.matches(text):
            for entry, guide in match.value:
                if guide.organs and not _fits(guide.organs, statement.prepared, named):
                    continue
                rank = (match.length, bool(guide.organs), -match.start)
                if best is None or rank > best[0]:
                    best = rank, GuideMatch(entry, guide, match.start, match.end)
        return best[1] if best else None


def _fits(wanted: tuple[str, ...], text: str, named: set[str | None]) -> bool:
    return any(organ in text or organ in named or _roots(organ) & named for organ in wanted)


def _roots(organ: str) -> set[str | None]:
    return {match.value.root for match in organs(organ)}
