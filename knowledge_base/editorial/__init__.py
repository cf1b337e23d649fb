"""Writing, reviewing and publishing over the files that ship: plain values and functions, no storage."""

from knowledge_base.editorial.check import Checked, check_text
from knowledge_base.editorial.difference import FieldChange, Piece, difference
from knowledge_base.editorial.drafts import Draft, DraftState, give_back, publish, restore, submit, write
from knowledge_base.editorial.text import EntryText, Person, Published, merge, text_of, without_starter

__all__ = [
    "Checked",
    "Draft",
    "DraftState",
    "EntryText",
    "FieldChange",
    "Person",
    "Piece",
    "Published",
    "check_text",
    "difference",
    "give_back",
    "merge",
    "publish",
    "restore",
    "submit",
    "text_of",
    "without_starter",
    "write",
]
