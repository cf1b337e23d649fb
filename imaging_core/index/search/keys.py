"""Keys of a query, read strictly: what cannot be understood is refused by name, never ignored."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Generic, TypeVar

from imaging_core.errors import SearchKeyInvalid
from imaging_core.index.search.attributes import ATTRIBUTES, Attribute, Level, Matching

T = TypeVar("T")

_UID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_DATE: Final = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME: Final = re.compile(r"([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d|60)(\.\d{1,6})?)?)?")
_NUMBER: Final = re.compile(r"[+-]?\d{1,10}")
_LONGEST: Final = 1024
_LONGEST_LIST: Final = 1000


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """From and to, both included; None is open."""

    first: T | None
    last: T | None


@dataclass(frozen=True, slots=True)
class Key:
    """One key with its value as the kind of matching wants it."""

    attribute: Attribute
    text: str = field(default="", repr=False)
    listed: tuple[str, ...] = field(default=(), repr=False)
    days: Span[date] | None = field(default=None, repr=False)
    times: Span[str] | None = field(default=None, repr=False)
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for. Keys are joined by "and"; those of higher levels count too.

    Attributes:
        combined_times: StudyDate and StudyTime together are one span (PS3.4 C.2.2.2.5.4), else each for itself.
        fuzzy: Words of names match as beginnings, in any order.
    """

    level: Level
    keys: tuple[Key, ...] = ()
    combined_times: bool = True
    fuzzy: bool = False
    limit: int | None = None
    offset: int = 0


def read_keys(level: Level, given: Mapping[str, str]) -> tuple[Key, ...]:
    """Return the keys of a query; empty ones and a lone `*` match everything and are left out.

    Raises:
        SearchKeyInvalid: names the key that is unknown, of a lower level, or has a value that is none.
    """
    keys = []
    for keyword, value in given.items():
        attribute = ATTRIBUTES.get(keyword)
        if attribute is None or attribute.matching is Matching.NONE:
            raise SearchKeyInvalid(keyword, "this attribute is not indexed, so nothing can be looked for by it")
        if attribute.level > level:
            raise SearchKeyInvalid(keyword, "this attribute belongs to a lower level than the one searched")
        if value.strip().strip("*") != "":
            keys.append(_key(attribute, value.strip()))
    return tuple(keys)


def _key(attribute: Attribute, value: str) -> Key:
    limit = _LONGEST_LIST * 65 if attribute.matching is Matching.UID else _LONGEST
    if len(value) > limit:
        raise SearchKeyInvalid(attribute.keyword, f"the value is longer than {limit} characters")
    if not value.isprintable():
        raise SearchKeyInvalid(attribute.keyword, "the value holds control characters")
    match attribute.matching:
        case Matching.UID:
            return Key(attribute, listed=_uids(attribute, value))
        case Matching.CODES | Matching.MODALITIES:
            return Key(attribute, listed=_listed(attribute, value))
        case Matching.DAY | Matching.DATE:
            return Key(attribute, days=_span(attribute, value, _day))
        case Matching.TIME:
            return Key(attribute, times=_span(attribute, value, _time))
        case Matching.NUMBER:
            if not _NUMBER.fullmatch(value) or abs(int(value)) >= 2**31:
                raise SearchKeyInvalid(attribute.keyword, "a whole number is needed")
            return Key(attribute, number=int(value))
        case _:
            return Key(attribute, text=value)


def _listed(attribute: Attribute, value: str) -> tuple[str, ...]:
    parts = tuple(part for item in re.split(r"[,\\]", value) if (part := item.strip()))
    if len(parts) > _LONGEST_LIST:
        raise SearchKeyInvalid(attribute.keyword, f"more than {_LONGEST_LIST} values")
    return parts


def _uids(attribute: Attribute, value: str) -> tuple[str, ...]:
    parts = _listed(attribute, value)
    if not all(map(_UID.fullmatch, parts)):
        raise SearchKeyInvalid(attribute.keyword, "this is not a UID; wildcards are not for UIDs")
    return parts


def _span(attribute: Attribute, value: str, read: Callable[[Attribute, str], T]) -> Span[T]:
    first, dash, last = (part.strip() for part in value.partition("-"))
    if not dash:
        single = read(attribute, first)
        return Span(single, single)
    if not first and not last:
        raise SearchKeyInvalid(attribute.keyword, "a range needs a beginning or an end")
    return Span(read(attribute, first) if first else None, read(attribute, last) if last else None)


def _day(attribute: Attribute, value: str) -> date:
    found = _DATE.fullmatch(value)
    try:
        if found:
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    raise SearchKeyInvalid(attribute.keyword, "a date YYYYMMDD or a range of two with - between is needed")


def _time(attribute: Attribute, value: str) -> str:
    found = _TIME.fullmatch(value)
    if not found:
        raise SearchKeyInvalid(attribute.keyword, "a time HH, HHMM or HHMMSS, or a range of two, is needed")
    return "".join(part or "" for part in found.groups())
