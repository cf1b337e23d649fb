"""What interpretation needs of the knowledge base."""

from collections.abc import Sequence
from typing import Protocol

from knowledge_base.entries import Entry, EntryKind, LexiconForm, SearchResult


class Knowledge(Protocol):
    """Reviewed knowledge, read only. `knowledge_base.KnowledgeBase` is one."""

    @property
    def version(self) -> str:
        """Changes whenever anything below could answer differently."""
        ...

    def entry(self, entry_id: str) -> Entry | None:
        """Return one entry, or None."""
        ...

    def entries(self, kind: EntryKind | None = None) -> Sequence[Entry]:
        """Return all entries (of one kind)."""
        ...

    def lexicon(self) -> Sequence[LexiconForm]:
        """Return every surface form of a hard term."""
        ...

    def language(self, name: str) -> Sequence[str]:
        """Return an open word list of the report language: shapes, cores, tails, everyday."""
        ...

    def entry_for(self, term: str) -> str | None:
        """Return the entry that explains a term, also a composed one (斑片状密度增高影); None when none does."""
        ...

    def search(self, question: str, k: int = 5) -> SearchResult:
        """Find passages for a question."""
        ...
