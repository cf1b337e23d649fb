"""What changed between two texts of an entry, piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from knowledge_base.editorial.text import EntryText

_LINES = ("title", "plain", "body")
_LISTS = ("surfaces", "questions", "source_ids")
_SHORT = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A changed field. In a list each piece is one item."""

    field: str
    pieces: tuple[Piece, ...]


def difference(old: EntryText, new: EntryText) -> list[FieldChange]:
    """Return the changed fields, in reading order.

    >>> difference(EntryText("结节", "小团。", ""), EntryText("结节", "小圆团。", ""))[0].pieces
    (Piece(kind='same', text='小'), Piece(kind='added', text='圆'), Piece(kind='same', text='团。'))
    """
    changes = []
    for field in _LINES:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            changes.append(FieldChange(field, tuple(_in_text(before, after))))
    for field in _LISTS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            changes.append(FieldChange(field, tuple(_in_list(before, after))))
    return changes


def _in_text(before: str, after: str) -> Iterator[Piece]:
    for kind, old, new in _joined(before, after):
        if kind == "equal":
            yield Piece("same", old)
            continue
        if old:
            yield Piece("removed", old)
        if new:
            yield Piece("added", new)


def _joined(before: str, after: str) -> list[tuple[str, str, str]]:
    """Return the steps of difflib; a match too short to mean anything between two changes becomes part of them."""
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    out: list[tuple[str, str, str]] = []
    for number, (tag, a, b, c, d) in enumerate(steps):
        inside = 0 < number < len(steps) - 1
        kind = "replace" if tag != "equal" or (inside and b - a < _SHORT) else "equal"
        if out and kind == "replace" == out[-1][0]:
            _, old, new = out.pop()
            out.append((kind, old + before[a:b], new + after[c:d]))
        else:
            out.append((kind, before[a:b], after[c:d]))
    return out


def _in_list(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Piece("same", item) for item in before[a:b])
        else:
            yield from (Piece("removed", item) for item in before[a:b])
            yield from (Piece("added", item) for item in after[c:d])
