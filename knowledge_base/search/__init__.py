"""Finding entries for a question: keywords, meaning, names, and whether anything is known."""

from knowledge_base.search.hybrid import HybridSearch
from knowledge_base.search.known import Calibration, KnownDecision
from knowledge_base.search.passages import Passages, make_passages

__all__ = ["Calibration", "HybridSearch", "KnownDecision", "Passages", "make_passages"]
