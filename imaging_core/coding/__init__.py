"""编码对照: what an exam item name says, as single standard items.

Pure functions over the tables in this folder; what persons confirmed is kept by `mappings`.
"""

from imaging_core.coding.catalogue import Catalogue, mapped, starter_catalogue
from imaging_core.coding.items import ExamItem, ParsedName, parse_name
from imaging_core.coding.vocabulary import overlap

__all__ = ["Catalogue", "ExamItem", "ParsedName", "mapped", "overlap", "parse_name", "starter_catalogue"]
