"""Measuring search and fitting its known decision."""

from knowledge_base.evaluation.cases import Case, read_cases, read_rare_character_cases
from knowledge_base.evaluation.measure import Measures, measure

__all__ = ["Case", "Measures", "measure", "read_cases", "read_rare_character_cases"]
