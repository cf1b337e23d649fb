"""Reviewed knowledge and how to find it."""

from knowledge_base.base import KnowledgeBase
from knowledge_base.directory import CareDirectory
from knowledge_base.entries import (
    Chunk,
    Entry,
    EntryKind,
    EntryState,
    FindingGuide,
    Hit,
    LexiconForm,
    SearchResult,
    Source,
)
from knowledge_base.ingest import lint_content

__all__ = [
    "CareDirectory",
    "Chunk",
    "Entry",
    "EntryKind",
    "EntryState",
    "FindingGuide",
    "Hit",
    "KnowledgeBase",
    "LexiconForm",
    "SearchResult",
    "Source",
    "lint_content",
]
