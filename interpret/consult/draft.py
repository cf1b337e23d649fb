"""Sentences of an answer before they are checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from interpret.types import Citation, Span


@dataclass(frozen=True, slots=True)
class Source:
    """What a sentence rests on: a span of the report, or an entry with the passage it was taken from."""

    span: Span | None = None
    entry_id: str | None = None
    chunk_id: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A composed sentence with its sources."""

    text: str
    sources: Sequence[Source] = ()
    evidence: Sequence[str] = ()
    """Passages the check may ground it in."""
    fixed: bool = False
    """A wording of the catalogue: never rephrased, needs no source."""
    instead: str | None = None
    """Report's own words, shown when the check refuses the sentence."""


class Labels:
    """Numbers the sources of one answer in the order they are first cited."""

    def __init__(self) -> None:
        self._numbers: dict[Source, int] = {}

    def citations(self, sources: Sequence[Source]) -> tuple[Citation, ...]:
        """Return the citations of one sentence."""
        out = []
        for source in dict.fromkeys(sources):
            number = self._numbers.setdefault(source, len(self._numbers) + 1)
            out.append(Citation(str(number), source.entry_id, source.chunk_id, source.title, source.span))
        return tuple(out)
