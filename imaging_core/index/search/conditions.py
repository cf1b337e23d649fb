"""Keys as conditions on columns, on each database in the form that its indexes serve."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_, false, func, literal, or_, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import SQLCoreOperations

from imaging_core.index.search.attributes import Matching
from imaging_core.index.search.keys import Key, Span
from imaging_core.index.search.names import LONGEST, pattern_of, words_of
from imaging_core.index.search.tables import StudyModalityRow, StudyNameRow
from imaging_core.index.search.upkeep import day_number
from imaging_core.index.tables import StudyRow

Condition = ColumnElement[bool]
Text = SQLCoreOperations[str]
_BEHIND_ALL: Final = "\U0010ffff"
_LAST_OF_TIME: Final = ":"
"""Sorts behind all digits and the point: a time up to 12 ends with the last part of the twelfth hour."""


class Dialect:
    """Comparisons of text byte by byte, as SQLite or PostgreSQL says them."""

    def __init__(self, name: str) -> None:
        self._postgres = name == "postgresql"

    def begins(self, column: Text, beginning: str) -> Condition:
        """Return whether a text begins so; a range of an index that is ordered byte by byte."""
        return and_(self.at_least(column, beginning), self.before(column, beginning + _BEHIND_ALL))

    def at_least(self, column: Text, value: str) -> Condition:
        """Return whether a text is not before another."""
        return column.op("~>=~", is_comparison=True)(value) if self._by_pattern(column) else column >= value

    def before(self, column: Text, value: str) -> Condition:
        """Return whether a text is before another."""
        return column.op("~<~", is_comparison=True)(value) if self._by_pattern(column) else column < value

    def _by_pattern(self, column: Text) -> bool:
        """Return whether the usual operators would compare by a language: the texts of names never do."""
        return self._postgres and column is not StudyNameRow.text

    def like(self, column: Text, pattern: str) -> Condition:
        """Return whether a text matches a pattern with the wildcards `*` and `?`."""
        if self._postgres:
            escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))

    def matches(self, column: Text, pattern: str) -> Condition:
        """Return whether a text matches, by its beginning first where the pattern has one."""
        beginning = literal_beginning(pattern)
        if beginning == pattern:
            return column == pattern
        conditions = [self.begins(column, beginning)] if beginning else []
        if pattern != beginning + "*":
            conditions.append(self.like(column, pattern))
        return and_(*conditions)


def literal_beginning(pattern: str) -> str:
    """Return what stands before the first wildcard."""
    for number, character in enumerate(pattern):
        if character in "*?":
            return pattern[:number]
    return pattern


def name_conditions(dialect: Dialect, key: Key, *, fuzzy: bool) -> list[Condition]:
    """Return conditions on rows of `StudyNameRow`; each must hold for one of a study's rows.

    An empty list is a key that says nothing, such as `^`.
    """
    text = StudyNameRow.text
    if fuzzy:
        words = sorted(words_of(key.text), key=len, reverse=True)
        return [dialect.begins(text, word[:LONGEST]) for word in words]
    pattern = pattern_of(key.text)
    if not pattern.strip("*"):
        return []
    if len(literal_beginning(pattern)) > LONGEST:
        pattern = pattern[:LONGEST]
    return [and_(StudyNameRow.inner == false(), dialect.matches(text, pattern))]


def of_key(dialect: Dialect, key: Key, *, fuzzy: bool) -> Condition:
    """Return the condition of a key on the rows of its level."""
    column: Any = key.attribute.column
    match key.attribute.matching:
        case Matching.UID | Matching.CODES:
            return _of_codes(dialect, column, key)
        case Matching.MODALITIES:
            return _beside(StudyModalityRow.study_id, _of_codes(dialect, StudyModalityRow.modality, key))
        case Matching.NAME if column is StudyRow.patient_name:
            of_names = name_conditions(dialect, key, fuzzy=fuzzy)
            return and_(*(_beside(StudyNameRow.study_id, condition) for condition in of_names))
        case Matching.NAME:
            return _of_other_name(dialect, column, key)
        case Matching.DAY:
            return _between(column, key.days, day_number)
        case Matching.DATE:
            return _between(column, key.days, lambda day: day)
        case Matching.TIME:
            return and_(column != "", *_time(dialect, column, key.times))
        case Matching.NUMBER:
            return bool_of(column == key.number)
        case _:
            return dialect.matches(column, key.text)


def _beside(study_id: InstrumentedAttribute[int], condition: Condition) -> Condition:
    """Return whether a study has such a row beside it.

    No EXISTS: PostgreSQL would rather fetch the rows of all studies first than ask for each on a walk that ends soon.
    """
    return select(literal(1)).where(study_id == StudyRow.id, condition).limit(1).scalar_subquery().is_not(None)


def combined(dialect: Dialect, days: Span[date], times: Span[str]) -> Condition:
    """Return the condition of a study's date and time as one span (PS3.4 C.2.2.2.5.4)."""
    day, time, conditions = StudyRow.study_day, StudyRow.study_time, [StudyRow.study_day > 0]
    if days.first is not None:
        first = day_number(days.first)
        conditions.append(day >= first)
        if times.first:
            conditions.append(or_(day > first, dialect.at_least(time, times.first)))
    if days.last is not None:
        last = day_number(days.last)
        conditions.append(day <= last)
        if times.last:
            conditions.append(or_(day < last, dialect.before(time, times.last + _LAST_OF_TIME)))
    return and_(*conditions)


def bool_of(condition: Any) -> Condition:  # noqa: ANN401  # a column compared with a value of any type
    """Return a comparison by its type."""
    found: Condition = condition
    return found


def _of_codes(dialect: Dialect, column: Any, key: Key) -> Condition:  # noqa: ANN401
    plain = [code for code in key.listed if not set(code) & set("*?")]
    wild = [dialect.like(column, code) for code in key.listed if set(code) & set("*?")]
    if len(plain) == 1 and not wild:
        return bool_of(column == plain[0])
    return or_(*([column.in_(plain)] if plain else []), *wild)


def _of_other_name(dialect: Dialect, column: Any, key: Key) -> Condition:  # noqa: ANN401
    """Names that are seldom asked for have no texts of their own: compared as stored, regardless of case."""
    lowered: Any = func.lower(column)
    pattern = key.text.lower()
    return or_(dialect.matches(lowered, pattern), dialect.like(lowered, pattern + "^*"))


def _between(column: Any, span: Span[date] | None, of_day: Callable[[date], Any]) -> Condition:  # noqa: ANN401
    assert span is not None  # noqa: S101  # keys of dates have one
    conditions = [] if span.first is None else [column >= of_day(span.first)]
    conditions += [] if span.last is None else [column <= of_day(span.last)]
    if span.first is None and of_day is day_number:
        conditions.append(column > 0)
    return and_(*conditions)


def _time(dialect: Dialect, column: Any, span: Span[str] | None) -> list[Condition]:  # noqa: ANN401
    assert span is not None  # noqa: S101
    conditions = [] if span.first is None else [dialect.at_least(column, span.first)]
    return conditions + ([] if span.last is None else [dialect.before(column, span.last + _LAST_OF_TIME)])


def unindexed(column: Any) -> Any:  # noqa: ANN401
    """Return a column so that no index on it is chosen."""
    return type_coerce(column, String) + literal("")
