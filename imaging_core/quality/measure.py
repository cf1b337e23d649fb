"""Counting: all indicators in one statement, and the studies behind one of them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from imaging_core.index.tables import StudyRow
from imaging_core.normalise.tables import NormalisedStudyRow
from imaging_core.quality.indicators import INDICATORS, Indicator
from imaging_core.quality.period import Period
from imaging_core.quality.source import bound, studies


class Side(StrEnum):
    """Which studies of the denominator."""

    COUNTED = "counted"
    """Those of the numerator."""
    MISSING = "missing"
    """Those that are not."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an indicator came to."""

    indicator: Indicator
    numerator: int
    denominator: int

    @property
    def ratio(self) -> float | None:
        """Return the share, None when there was nothing to count: neither all nor none of nothing."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class StudyBehind:
    """A study behind a figure: enough to find it, nothing about the person."""

    study_instance_uid: str
    accession_number: str
    study_date: date
    modalities: tuple[str, ...]
    """In standard words once the study is normalised, else as received."""
    body_parts: tuple[str, ...] = ()


def measure(session: Session, institution_code: str, period: Period) -> list[Measured]:
    """Return all indicators of an institution's studies in a period."""
    sums = [
        total for indicator in INDICATORS for total in (_total(_counted(indicator)), _total(_flag(indicator.among)))
    ]
    counts = session.execute(studies(*sums), bound(institution_code, period)).one()
    pairs = zip(counts[::2], counts[1::2], strict=True)
    return [
        Measured(indicator, numerator or 0, denominator or 0)
        for indicator, (numerator, denominator) in zip(INDICATORS, pairs, strict=True)
    ]


def studies_behind(
    session: Session, institution_code: str, period: Period, indicator: Indicator, side: Side, *, limit: int
) -> tuple[int, list[StudyBehind]]:
    """Return how many studies stand on one side of an indicator, and the newest of them."""
    wanted = and_(_flag(indicator.among) == 1, _counted(indicator) == (1 if side is Side.COUNTED else 0))
    values = bound(institution_code, period)
    total = session.scalar(studies(func.count()).where(wanted), values) or 0
    columns = (StudyRow.study_instance_uid, StudyRow.accession_number, StudyRow.study_date, StudyRow.modalities)
    standard = (NormalisedStudyRow.modalities, NormalisedStudyRow.body_parts)
    of_study = and_(
        NormalisedStudyRow.institution_code == StudyRow.institution_code,
        NormalisedStudyRow.study_instance_uid == StudyRow.study_instance_uid,
    )
    named = studies(*columns, *standard).outerjoin(NormalisedStudyRow, of_study)
    newest = named.where(wanted).order_by(StudyRow.study_date.desc(), StudyRow.id.desc()).limit(limit)
    rows = session.execute(newest, values)
    return total, [
        StudyBehind(uid, number, day, tuple(standard or received), tuple(parts or ()))
        for uid, number, day, received, standard, parts in rows
    ]


def undated(session: Session, institution_code: str) -> int:
    """Return how many studies have no date, and so are in no period."""
    count = select(func.count()).where(
        StudyRow.institution_code == institution_code, StudyRow.instance_count > 0, StudyRow.study_date.is_(None)
    )
    return session.scalar(count) or 0


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    # a comparison with a missing value is neither true nor false: here it is not true
    return case((condition, 1), else_=0)


def _counted(indicator: Indicator) -> ColumnElement[int]:
    return _flag(and_(indicator.among, indicator.counted))


def _total(flag: ColumnElement[int]) -> ColumnElement[Any]:
    return func.sum(flag)
