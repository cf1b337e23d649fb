"""Searches: which index leads, in what order, and the rows that match.

Newest studies come first; ties keep one order over all pages. What leads is decided by what was asked: an identifier
by its own index; a beginning of a name or identifier by its index while few match, else the newest studies are walked
until the page is full; a modality by its days. So a page costs about the same among ten thousand studies as among a
million.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import Session

from imaging_core.index.search.attributes import Attribute, Level, Matching
from imaging_core.index.search.conditions import (
    Condition,
    Dialect,
    combined,
    literal_beginning,
    name_conditions,
    of_key,
    unindexed,
)
from imaging_core.index.search.keys import Key, Query
from imaging_core.index.search.tables import StudyModalityRow, StudyNameRow
from imaging_core.index.search.upkeep import day_number
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow

_FEWEST: Final = 500
_FETCH_TO_ORDER: Final = 5
"""Fetching a study costs about so many times as much as ordering an entry of an index."""
_UNSEEN: Final = 200
"""More than that many studies without a current instance are not expected to stand before a page."""
_LEADING: Final = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"})
_BEGINNINGS: Final = frozenset({"PatientID", "AccessionNumber"})


def find(session: Session, institution_code: str, query: Query, answered: Sequence[Attribute]) -> Sequence[Row[Any]]:
    """Return the matches of an institution, with the columns of what is answered, and the UIDs, by `columns_of`."""
    # on the connection: rows are wanted, no objects
    return session.connection().execute(statement(session, institution_code, query, answered)).all()


def columns_of(level: Level, answered: Sequence[Attribute]) -> list[Any]:
    """Return the columns of a match: first its UIDs from the study down, then what is answered."""
    uids = [StudyRow.study_instance_uid, SeriesRow.series_instance_uid, InstanceRow.sop_instance_uid]
    return [*uids[: max(level, 1)], *(item.column for item in answered if item.column is not None)]


def statement(
    session: Session, institution_code: str, query: Query, answered: Sequence[Attribute]
) -> Select[tuple[Any, ...]]:
    """Return the statement of a search."""
    plan = _plan(session, institution_code, query)
    columns = columns_of(query.level, answered)
    if query.level is Level.PATIENT:
        return _patients(plan, query, columns)
    found = select(*columns).select_from(StudyRow)
    if plan.by_modality is not None:
        found = found.join(StudyModalityRow, StudyModalityRow.study_id == StudyRow.id)
    order: list[Any] = list(plan.order)
    if query.level >= Level.SERIES:
        found = found.join(SeriesRow, SeriesRow.study_id == StudyRow.id).where(SeriesRow.instance_count > 0)
        order += [SeriesRow.series_number.is_(None), SeriesRow.series_number, SeriesRow.id]
    if query.level is Level.INSTANCE:
        found = found.join(InstanceRow, InstanceRow.series_id == SeriesRow.id).where(InstanceRow.current)
        order += [InstanceRow.instance_number.is_(None), InstanceRow.instance_number, InstanceRow.id]
    found = found.where(StudyRow.instance_count > 0, *plan.conditions).order_by(*order).offset(query.offset or None)
    return found if query.limit is None else found.limit(query.limit)


@dataclass(slots=True)
class _Plan:
    conditions: list[Condition] = field(default_factory=list)
    order: tuple[ColumnElement[Any], ...] = ()
    by_modality: str | None = None


def _plan(session: Session, institution_code: str, query: Query) -> _Plan:
    dialect = Dialect(session.get_bind().dialect.name)
    plan = _Plan()
    left = list(query.keys)
    led = _lead_exactly(left)
    for key in _beginnings(left):
        if not led and (leader := _lead_by_beginning(session, dialect, institution_code, key, query)) is not None:
            plan.conditions.append(leader)
            led = True
            if key.attribute.matching is not Matching.NAME or not query.fuzzy:
                left.remove(key)
        elif key.attribute.matching is not Matching.NAME:
            # what does not lead must not be taken to lead
            left.remove(key)
            plan.conditions.append(dialect.like(unindexed(key.attribute.column), key.text))
    days = next((key for key in left if key.attribute.keyword == "StudyDate"), None)
    times = next((key for key in left if key.attribute.keyword == "StudyTime"), None)
    modality = next((key for key in left if key.attribute.matching is Matching.MODALITIES), None)
    if query.combined_times and days and times and days.days and times.times and days.days.first != days.days.last:
        left = [key for key in left if key is not days and key is not times]
        plan.conditions.append(combined(dialect, days.days, times.times))
    own, day, study = StudyRow.institution_code, StudyRow.study_day, StudyRow.id
    if not led and modality and len(modality.listed) == 1 and not set(modality.listed[0]) & set("*?"):
        left.remove(modality)
        plan.by_modality = modality.listed[0]
        plan.conditions.append(StudyModalityRow.modality == modality.listed[0])
        own, day, study = StudyModalityRow.institution_code, StudyModalityRow.study_day, StudyModalityRow.study_id
        if days and days in left and days.days:
            left.remove(days)
            plan.conditions.append(_within(day, days))
    plan.conditions.append(own == institution_code)
    plan.conditions += [of_key(dialect, key, fuzzy=query.fuzzy) for key in left]
    # when something else leads, the index of the newest must not be taken for the order's sake
    plan.order = ((day + 0).desc() if led else day.desc(), study.desc())
    return plan


def _lead_exactly(keys: Sequence[Key]) -> bool:
    return any(
        key.attribute.keyword in _LEADING
        or (key.attribute.keyword in _BEGINNINGS and literal_beginning(key.text) == key.text)
        for key in keys
    )


def _beginnings(keys: Sequence[Key]) -> list[Key]:
    """Return the keys that may lead by a beginning: names first."""
    names = [key for key in keys if key.attribute.keyword == "PatientName"]
    return names + [
        key for key in keys if key.attribute.keyword in _BEGINNINGS and literal_beginning(key.text) != key.text
    ]


def _lead_by_beginning(
    session: Session, dialect: Dialect, institution_code: str, key: Key, query: Query
) -> Condition | None:
    """Return a condition that leads to the few studies which match; None when they are many."""
    newest, alone = None, False
    if key.attribute.matching is Matching.NAME:
        conditions = name_conditions(dialect, key, fuzzy=query.fuzzy)
        if not conditions:
            return None
        if query.fuzzy:
            conditions[0] = and_(StudyNameRow.inner.in_([False, True]), conditions[0])
        matching = select(StudyNameRow.study_id).where(StudyNameRow.institution_code == institution_code, conditions[0])
        if len(query.keys) == len(conditions) == 1 and query.level is Level.STUDY and query.limit is not None:
            alone = True
            newest = (
                matching.group_by(StudyNameRow.study_id, StudyNameRow.study_day)
                .order_by(StudyNameRow.study_day.desc(), StudyNameRow.study_id.desc())
                .limit(query.offset + query.limit + _UNSEEN)
            )
    else:
        column: Any = key.attribute.column
        matching = select(StudyRow.id).where(
            StudyRow.institution_code == institution_code, dialect.matches(column, key.text)
        )
    few = _few(session, query, alone=alone)
    counted = matching.limit(few + 1).subquery()
    if (session.scalar(select(func.count()).select_from(counted)) or 0) > few:
        return None
    leading = (matching if newest is None else newest).subquery()
    return StudyRow.id.in_(select(leading.c[0]))


def _few(session: Session, query: Query, *, alone: bool) -> int:
    """Return how many candidates are better ordered than met on a walk through the newest studies.

    A walk to the end of a page passes page × studies ÷ candidates of them. Where a name is all that is asked for
    (`alone`), its index gives the order of its candidates and only a page of them is fetched.
    """
    studies = session.scalar(select(func.max(StudyRow.id))) or 1
    page = studies if query.limit is None else query.offset + query.limit
    return max(math.isqrt(page * studies * (_FETCH_TO_ORDER if alone else 1)), _FEWEST)


def _within(day: Any, key: Key) -> Condition:  # noqa: ANN401  # a column of either table
    span = key.days
    assert span is not None  # noqa: S101
    first = day_number(span.first) or 1
    return and_(day >= first, day <= day_number(span.last)) if span.last else and_(day >= first)


def _patients(plan: _Plan, query: Query, columns: Sequence[Any]) -> Select[tuple[Any, ...]]:
    """Return one row a patient: that of the newest study, ordered by PatientID."""
    if plan.by_modality is not None:
        raise ValueError("modalities belong to studies")
    newest = (
        select(func.max(StudyRow.id).label("id"))
        .where(StudyRow.instance_count > 0, *plan.conditions)
        .group_by(StudyRow.patient_id)
        .order_by(StudyRow.patient_id)
        .offset(query.offset or None)
    )
    newest = newest if query.limit is None else newest.limit(query.limit)
    found = newest.subquery()
    return select(*columns).join(found, found.c.id == StudyRow.id).order_by(StudyRow.patient_id)
