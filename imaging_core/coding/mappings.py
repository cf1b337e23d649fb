"""编码对照: what a person confirmed goes before what the parser guesses; a guess is never taken for a confirmation."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.coding.catalogue import Catalogue, MappedItem, mapped, starter_catalogue
from imaging_core.coding.items import ExamItem, ParsedName, parse_name
from imaging_core.coding.tables import CodeMappingRow
from imaging_core.coding.vocabulary import overlap, vocabulary
from imaging_core.errors import ImagingError

_LONGEST_KEY = 512


class MappingRefused(ImagingError):
    """Items that cannot stand for a name; `reason` is a code, `place` the index of the item."""

    def __init__(self, reason: str, place: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a name may stand for. `score` is that of its least sure item; 0 when there is none."""

    items: tuple[MappedItem, ...]
    unknown: tuple[str, ...]

    @property
    def score(self) -> float:
        """How sure the whole is."""
        return min((one.score for one in self.items), default=0.0)

    @property
    def complete(self) -> bool:
        """Whether each of its items has a code."""
        return bool(self.items) and all(one.standard_code for one in self.items)


def name_key(name: str) -> str:
    """Return by what a name is found: width, case and blanks tell no items apart, everything else does.

    >>> name_key(" 胸部　CT平扫（６４排）") == name_key("胸部ct平扫(64排)")
    True
    """
    return "".join(unicodedata.normalize("NFKC", name).upper().split())[:_LONGEST_KEY]


@lru_cache(maxsize=32768)
def suggestion(name: str) -> Suggestion:
    """Return the parser's guess of a name with scores."""
    parsed = parse_name(name)
    return Suggestion(tuple(mapped(parsed, starter_catalogue())), parsed.unknown)


class Mappings:
    """The confirmed mappings of some names, read once."""

    def __init__(self, confirmed: Mapping[tuple[str, str], tuple[ExamItem, ...]]) -> None:
        self._by_both = confirmed
        self._by_name: dict[str, tuple[ExamItem, ...] | None] = {}
        for (_, key), items in confirmed.items():
            # one name under two codes that mean different things: the name alone says nothing sure
            self._by_name[key] = items if self._by_name.get(key, items) == items else None

    def confirmed(self, name: str, code: str = "") -> tuple[ExamItem, ...] | None:
        """Return what a person confirmed for an item, None when nobody did."""
        key = name_key(name)
        if code:
            # the same name under another code was looked at, this one was not
            return self._by_both.get((code, key)) or self._by_both.get(("", key))
        return self._by_name.get(key)

    def read(self, name: str, code: str = "") -> ParsedName:
        """Return what a name says: as confirmed, else as the parser reads it."""
        items = self.confirmed(name, code)
        return parse_name(name) if items is None else ParsedName(name, items)


def confirmed_mappings(session: Session, institution_code: str, names: Iterable[str]) -> Mappings:
    """Return an institution's confirmed mappings of these names."""
    keys = {name_key(name) for name in names}
    if not keys:
        return Mappings({})
    rows = session.scalars(
        select(CodeMappingRow)
        .where(CodeMappingRow.institution_code == institution_code, CodeMappingRow.name_key.in_(keys))
        .order_by(CodeMappingRow.id)
    )
    return Mappings({(row.local_code, row.name_key): items_of(row.confirmed) for row in rows if row.confirmed})


def items_of(kept: Iterable[Mapping[str, Any]]) -> tuple[ExamItem, ...]:
    """Return kept items as such."""
    return tuple(ExamItem(one["modality"], one["body_part"], one["side"], tuple(one["methods"])) for one in kept)


def kept(items: Iterable[ExamItem], catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return items with their codes, as they are kept."""
    return [
        {
            "modality": item.modality,
            "body_part": item.body_part,
            "side": item.side,
            "methods": list(item.methods),
            "standard_code": catalogue.code_of(item),
        }
        for item in items
    ]


def check_items(name: str, items: Sequence[ExamItem], *, unlike_name: bool) -> None:
    """Refuse items that cannot be meant by a name. `unlike_name`: the person saw that it speaks of another part.

    Raises:
        MappingRefused: no standard item, one twice, a side the name contradicts, a part it does not speak of.
    """
    if not items:
        raise MappingRefused("no_items")
    known = vocabulary()
    before: set[tuple[str, str]] = set()
    for place, item in enumerate(items):
        code = starter_catalogue().code_of(item)
        if code is None:
            raise MappingRefused("no_standard_item", place)
        if item.side and not known.parts[item.body_part].paired:
            raise MappingRefused("has_no_sides", place)
        if (code, item.side) in before:
            raise MappingRefused("twice", place)
        before.add((code, item.side))
    said = parse_name(name).items
    _check_sides(said, items)
    if not unlike_name:
        _check_likeness(said, items)


def _check_sides(said: Sequence[ExamItem], items: Sequence[ExamItem]) -> None:
    """The side of a name that speaks of one alone is no matter of opinion."""
    sides = {item.side for item in said if item.side}
    paired = [(place, item.side) for place, item in enumerate(items) if vocabulary().parts[item.body_part].paired]
    if len(sides) != 1 or (sides == {"双"} and {side for _, side in paired} == {"左", "右"}):
        return
    for place, side in paired:
        if side not in sides:
            raise MappingRefused("other_side", place)


def _check_likeness(said: Sequence[ExamItem], items: Sequence[ExamItem]) -> None:
    parts = [item.body_part for item in said if item.body_part]
    modalities = {item.modality for item in said if item.modality}
    for place, item in enumerate(items):
        if parts and not any(overlap(item.body_part, part) for part in parts):
            raise MappingRefused("other_part", place)
        if modalities and item.modality not in modalities:
            raise MappingRefused("other_modality", place)
