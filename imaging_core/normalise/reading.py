"""What administrators look at: devices, findings by kind, how texts were read."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from imaging_core.normalise.tables import DeviceRow, FindingRow, NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.normalise.upkeep import of_study, waiting


@dataclass(frozen=True, slots=True)
class Progress:
    """How many studies there are, and how many of them are to be normalised again."""

    studies: int
    waiting: int


@dataclass(frozen=True, slots=True)
class CharsetUse:
    """How many series declared a character set so and were read so."""

    declared: str
    rule: str
    series: int


@dataclass(frozen=True, slots=True)
class FindingCount:
    """How often something was noticed, and in how many studies."""

    code: str
    severity: str
    findings: int
    studies: int


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """A device and what came from it."""

    row: DeviceRow
    series: int
    with_findings: int


@dataclass(frozen=True, slots=True)
class FindingPlace:
    """A finding, and whose."""

    row: FindingRow
    study_instance_uid: str


def progress(session: Session, institution_code: str) -> Progress:
    """Return how far normalising is."""
    mine = NormalisedStudyRow.institution_code == institution_code
    studies = session.scalar(select(func.count()).select_from(NormalisedStudyRow).where(mine)) or 0
    return Progress(studies, waiting(session, institution_code))


def charset_uses(session: Session, institution_code: str) -> list[CharsetUse]:
    """Return how texts were read, the most frequent way first."""
    columns = (NormalisedSeriesRow.charset_declared, NormalisedSeriesRow.charset_rule)
    counted = (
        select(*columns, func.count())
        .where(NormalisedSeriesRow.institution_code == institution_code)
        .group_by(*columns)
        .order_by(func.count().desc(), *columns)
    )
    return [CharsetUse(declared, rule, count) for declared, rule, count in session.execute(counted)]


def finding_counts(session: Session, institution_code: str) -> list[FindingCount]:
    """Return the kinds of findings there are."""
    columns = (FindingRow.code, FindingRow.severity)
    counted = (
        select(*columns, func.count(), func.count(FindingRow.study_id.distinct()))
        .where(FindingRow.institution_code == institution_code)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [FindingCount(*row) for row in session.execute(counted)]


def device_uses(session: Session, institution_code: str, *, limit: int) -> list[DeviceUse]:
    """Return the devices, the one with most findings first."""
    bad = func.sum(case((NormalisedSeriesRow.has_findings, 1), else_=0))
    used = (
        select(NormalisedSeriesRow.device_key, func.count().label("series"), bad.label("bad"))
        .where(NormalisedSeriesRow.institution_code == institution_code)
        .group_by(NormalisedSeriesRow.device_key)
        .subquery()
    )
    rows = session.execute(
        select(DeviceRow, used.c.series, used.c.bad)
        .join(used, used.c.device_key == DeviceRow.device_key)
        .where(DeviceRow.institution_code == institution_code)
        .order_by(used.c.bad.desc(), used.c.series.desc(), DeviceRow.id)
        .limit(limit)
    )
    return [DeviceUse(row, series, bad) for row, series, bad in rows]


def findings(
    session: Session, institution_code: str, *, code: str, device_key: str | None, limit: int
) -> tuple[int, list[FindingPlace]]:
    """Return how many findings of a kind there are, of one device when asked so, and the newest of them."""
    wanted = (
        select(FindingRow, NormalisedStudyRow.study_instance_uid)
        .join(NormalisedStudyRow, NormalisedStudyRow.id == FindingRow.study_id)
        .where(FindingRow.institution_code == institution_code, FindingRow.code == code)
    )
    if device_key is not None:
        of_device = select(NormalisedSeriesRow.study_id).where(
            NormalisedSeriesRow.institution_code == institution_code, NormalisedSeriesRow.device_key == device_key
        )
        wanted = wanted.where(FindingRow.study_id.in_(of_device))
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    rows = session.execute(wanted.order_by(FindingRow.id.desc()).limit(limit))
    return total, [FindingPlace(row, uid) for row, uid in rows]


def normalised_study(session: Session, institution_code: str, study_instance_uid: str) -> NormalisedStudyRow | None:
    """Return what is kept of a study, None when it was not normalised yet."""
    row = session.scalars(of_study(institution_code, study_instance_uid)).one_or_none()
    return None if row is None or row.normalised_at is None else row


def series_of(session: Session, row: NormalisedStudyRow) -> Sequence[NormalisedSeriesRow]:
    """Return the series of a study."""
    mine = select(NormalisedSeriesRow).where(NormalisedSeriesRow.study_id == row.id)
    return session.scalars(mine.order_by(NormalisedSeriesRow.id)).all()


def findings_of(session: Session, row: NormalisedStudyRow) -> Sequence[FindingRow]:
    """Return what was noticed in a study."""
    return session.scalars(select(FindingRow).where(FindingRow.study_id == row.id).order_by(FindingRow.id)).all()
