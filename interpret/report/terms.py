"""Hard terms: the words a reader with nine years of schooling would not understand here (`commands.md`)."""

import re
from dataclasses import dataclass

from interpret.knowledge import Knowledge
from interpret.language import table
from interpret.report.automaton import Match, WordAutomaton, fold, longest
from interpret.report.scopes import alternation
from knowledge_base.entries import EntryKind

_MAX_SHAPES = 4
_MIN_COMPOSED = 3
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9-]*[A-Za-z]")
"""The name in front of a grade: BI-RADS of "BI-RADS 3类"."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a marked word is: its category (lexicon, or "composed", "pattern") and the entry that explains it."""

    category: str
    entry_id: str | None


class TermMarker:
    """Marks hard terms in prepared text: lexicon, grammar [shape]{0,4}[core][tail] and number patterns."""

    def __init__(self, knowledge: Knowledge) -> None:
        everyday = set(knowledge.language("everyday"))
        forms: dict[str, Form] = {}
        for entry in knowledge.entries(EntryKind.TERM):
            for surface in (entry.title, *entry.surfaces):
                forms[surface] = Form("entry", entry.entry_id)
        for lexical in knowledge.lexicon():
            known = forms.get(lexical.surface)
            forms[lexical.surface] = Form(lexical.category, lexical.entry_id or (known.entry_id if known else None))
        self._lexicon = WordAutomaton((word, form) for word, form in forms.items() if word not in everyday)
        self._everyday = everyday
        self._parts = WordAutomaton(_grammar_words(knowledge))
        self._patterns = [re.compile(pattern, re.IGNORECASE) for pattern in table("term_patterns")["patterns"]]
        self._entry_for = knowledge.entry_for
        self._named: dict[str, str | None] = {}
        self._no_terms = re.compile(alternation(table("term_patterns")["never"]))
        self._other_sense = re.compile(table("term_patterns")["other_sense"])

    def mark(self, text: str) -> list[Match[Form]]:
        """Return the terms of a prepared text, longest match, in reading order."""
        found = list(self._lexicon.matches(text))
        found += [Match(a, b, Form("composed", None)) for a, b in self._composed(text)]
        for pattern in self._patterns:
            found += [Match(*_trimmed(m), Form("pattern", None)) for m in pattern.finditer(text) if m.group()]
        blocked = [m.span() for m in self._no_terms.finditer(text)]
        blocked += [m.span(1) for m in self._other_sense.finditer(text)]
        kept = [m for m in found if not any(a <= m.start and m.end <= b for a, b in blocked)]
        return [self._explained(text, match) for match in longest(kept)]

    def lexical(self, text: str) -> list[Match[Form]]:
        """Return lexicon matches only (no grammar), longest first served."""
        return self._lexicon.longest(text)

    def _explained(self, text: str, match: Match[Form]) -> Match[Form]:
        """Give a composed or unexplained term the entry that knowledge names for it."""
        if match.value.entry_id is not None:
            return match
        word = text[match.start : match.end]
        if word not in self._named:
            letters = _SYSTEM.match(word)
            self._named[word] = self._entry_for(word) or (self._entry_for(letters.group()) if letters else None)
        return Match(match.start, match.end, Form(match.value.category, self._named[word]))

    def _composed(self, text: str) -> list[tuple[int, int]]:
        shapes: dict[int, set[int]] = {}
        cores: dict[int, set[int]] = {}
        tails: dict[int, set[int]] = {}
        for match in self._parts.matches(text):
            for kind, where in (("shape", shapes), ("core", cores), ("tail", tails)):
                if kind in match.value:
                    where.setdefault(match.start, set()).add(match.end)
        out = []
        for start in sorted({*shapes, *cores}):
            end = _longest_composition(start, shapes, cores, tails)
            if end - start >= _MIN_COMPOSED and fold(text[start:end]) not in self._everyday:
                out.append((start, end))
        return out


def _grammar_words(knowledge: Knowledge) -> list[tuple[str, frozenset[str]]]:
    kinds: dict[str, set[str]] = {}
    for kind, name in (("shape", "shapes"), ("core", "cores"), ("tail", "tails")):
        for word in knowledge.language(name):
            kinds.setdefault(fold(word), set()).add(kind)
    return [(word, frozenset(kind)) for word, kind in kinds.items()]


def _longest_composition(
    start: int, shapes: dict[int, set[int]], cores: dict[int, set[int]], tails: dict[int, set[int]]
) -> int:
    """Return the furthest end of [shape]{0,4}[core][tail] or [shape]{1,4}[tail] from `start`, or `start`."""
    best = start
    reached = {start}
    for count in range(_MAX_SHAPES + 1):
        for position in reached:
            for core_end in cores.get(position, ()):
                ends = tails.get(core_end, set()) | ({core_end} if count else set())
                best = max([best, *ends])
            if count:
                best = max([best, *tails.get(position, ())])
        reached = {end for position in reached for end in shapes.get(position, ())}
        if not reached:
            break
    return best


def _trimmed(match: re.Match[str]) -> tuple[int, int]:
    return match.start(), match.start() + len(match.group().rstrip())
