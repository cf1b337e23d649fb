"""What is looked at before a text may be submitted."""

import logging
from dataclasses import dataclass

import jieba

from knowledge_base.editorial.text import EntryText, entry_with
from knowledge_base.entries import EntryKind
from knowledge_base.errors import UnknownSources
from knowledge_base.ingest import Content, Problem, lint_entry

_UNSAFE = frozenset({"dose", "prescription", "promise"})
_EVERYDAY_FREQUENCY = 2000
"""In jieba's word counts: 检查 5464, 医生 4263, but 结节 134, 支气管 240."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What keeps a text from being submitted, and what its author should look at again."""

    unsafe: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check_text(text: EntryText, content: Content, *, entry_id: str, kind: EntryKind) -> Checked:
    """Look for doses, promises, unsupported numbers, long sentences, taken and everyday words.

    Raises:
        UnknownSources: the text cites what is not on the list.
    """
    unknown = [source_id for source_id in text.source_ids if source_id not in content.sources]
    if unknown:
        raise UnknownSources(unknown)
    base = next((entry for entry in content.entries if entry.entry_id == entry_id), None)
    entry = entry_with(text, base, entry_id=entry_id, kind=kind, version=1, sources=content.sources)
    problems = list(lint_entry(entry, content))
    if kind is EntryKind.TERM:
        everyday = frozenset(content.language.get("everyday", ()))
        problems += [
            Problem(entry_id, "everyday word as hard term", surface)
            for surface in entry.surfaces
            if surface in everyday or _is_everyday(surface)
        ]
        taken = {s: e.title for e in content.entries if e.entry_id != entry_id and e.kind is kind for s in e.surfaces}
        problems += [
            Problem(entry_id, "duplicate surface", f"{surface}（{taken[surface]}）")
            for surface in entry.surfaces
            if surface in taken
        ]
    if not text.source_ids:
        problems.append(Problem(entry_id, "no sources", ""))
    return Checked(
        unsafe=tuple(problem for problem in problems if problem.rule in _UNSAFE),
        warnings=tuple(problem for problem in problems if problem.rule not in _UNSAFE),
    )


def _is_everyday(word: str) -> bool:
    """Tell whether everybody uses a word: marked in every report, it would only be in the way.

    >>> [_is_everyday(word) for word in ("检查", "肺", "磨玻璃结节")]
    [True, True, False]
    """
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return len(word) == 1 or (jieba.get_FREQ(word) or 0) >= _EVERYDAY_FREQUENCY
