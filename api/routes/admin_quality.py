"""The quality indicators (质控指标), for system administrators: figures, the studies behind each, both as tables."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.messages import quality as words
from api.schemas import admin_quality as schema
from api.settings import Settings
from api.spreadsheet import csv_lines
from api.wiring import Services
from imaging_core.quality import (
    INDICATORS,
    Indicator,
    Measured,
    Period,
    PeriodReversed,
    Side,
    StudyBehind,
    measure,
    studies_behind,
    undated,
)

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_SHOWN = 200
MOST_EXPORTED = 100_000


def period(since: date | None = None, until: date | None = None) -> Period:
    """Return the days an address asks for; a side that is left out is open."""
    try:
        return Period(since or date.min, until or date.max)
    except PeriodReversed as error:
        raise Problem(422, "period_reversed") from error


def named(indicator: str) -> Indicator:
    """Return the indicator an address names."""
    found = next((item for item in INDICATORS if item.key == indicator), None)
    if found is None:
        raise Problem(404, "not_found")
    return found


CurrentPeriod = Annotated[Period, Depends(period)]
CurrentIndicator = Annotated[Indicator, Depends(named)]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the quality indicators."""
    router = APIRouter(prefix="/api/admin/quality", tags=["admin: quality"])

    @router.get("", dependencies=_KEEPS)
    def overview(services: CurrentServices, who: CurrentStaff, asked: CurrentPeriod) -> schema.QualityOut:
        """Return all indicators of a period of study dates."""
        code = services.settings.hospital.institution_code
        with services.database.reading() as session:
            measured = measure(session, code, asked)
            without_date = undated(session, code)
        _record(services, who, "quality.viewed", asked, "-")
        since, until = _days(asked)
        return schema.QualityOut(
            since=since, until=until, undated=without_date, indicators=[_out(item) for item in measured]
        )

    @router.get("/export.csv", dependencies=_KEEPS)
    def export(services: CurrentServices, who: CurrentStaff, asked: CurrentPeriod) -> StreamingResponse:
        """Return all indicators as a table."""
        with services.database.reading() as session:
            measured = measure(session, services.settings.hospital.institution_code, asked)
        _record(services, who, "quality.exported", asked, "-")
        return _table(_rows(measured, asked), "quality.csv")

    @router.get("/{indicator}/studies", dependencies=_KEEPS)
    def behind(
        services: CurrentServices, who: CurrentStaff, asked: CurrentPeriod, wanted: CurrentIndicator, side: Side
    ) -> schema.StudiesBehindOut:
        """Return the studies on one side of an indicator, newest first."""
        total, found = _behind(services, asked, wanted, side, limit=_SHOWN)
        _record(services, who, "quality.studies_listed", asked, wanted.key, side=side, studies=len(found))
        return schema.StudiesBehindOut(
            key=wanted.key,
            side=side,
            total=total,
            studies=[schema.StudyBehindOut.model_validate(study) for study in found],
        )

    @router.get("/{indicator}/studies.csv", dependencies=_KEEPS)
    def export_behind(
        services: CurrentServices, who: CurrentStaff, asked: CurrentPeriod, wanted: CurrentIndicator, side: Side
    ) -> StreamingResponse:
        """Return them all as a table; more than a spreadsheet bears are refused."""
        total, found = _behind(services, asked, wanted, side, limit=MOST_EXPORTED)
        if total > len(found):
            raise Problem(422, "quality_too_many", most=MOST_EXPORTED)
        _record(services, who, "quality.studies_exported", asked, wanted.key, side=side, studies=total)
        return _table(_study_rows(found), f"quality-{wanted.key}-{side}.csv")

    return router


def _behind(
    services: Services, asked: Period, wanted: Indicator, side: Side, *, limit: int
) -> tuple[int, list[StudyBehind]]:
    with services.database.reading() as session:
        return studies_behind(session, services.settings.hospital.institution_code, asked, wanted, side, limit=limit)


def _days(asked: Period) -> tuple[date | None, date | None]:
    """Return first and last day; None where the period is open."""
    return (
        None if asked.since == date.min else asked.since,
        None if asked.until == date.max else asked.until,
    )


def _out(measured: Measured) -> schema.IndicatorOut:
    indicator = measured.indicator
    return schema.IndicatorOut(
        key=indicator.key,
        group=indicator.group,
        want=indicator.want,
        name=indicator.name,
        definition=indicator.definition,
        numerator_words=indicator.numerator,
        denominator_words=indicator.denominator,
        numerator=measured.numerator,
        denominator=measured.denominator,
        ratio=measured.ratio,
        share=words.share(measured),
    )


def _rows(measured: Sequence[Measured], asked: Period) -> Iterator[Sequence[str]]:
    days = tuple(day.isoformat() if day else "" for day in _days(asked))
    yield words.COLUMNS
    for item in measured:
        indicator = item.indicator
        yield (
            indicator.group,
            indicator.name,
            str(item.numerator),
            str(item.denominator),
            words.share(item),
            words.WANTED[indicator.want],
            indicator.definition,
            indicator.numerator,
            indicator.denominator,
            *days,
        )


def _study_rows(found: Sequence[StudyBehind]) -> Iterator[Sequence[str]]:
    yield words.STUDY_COLUMNS
    for study in found:
        modalities = "、".join(study.modalities)
        parts = "、".join(study.body_parts)
        yield study.accession_number, study.study_date.isoformat(), modalities, study.study_instance_uid, parts


def _table(rows: Iterator[Sequence[str]], name: str) -> StreamingResponse:
    return StreamingResponse(
        csv_lines(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _record(
    services: Services,
    who: Staff,
    action: str,
    asked: Period,
    subject: str,
    **detail: Any,  # noqa: ANN401  # what the event counts
) -> None:
    since, until = _days(asked)
    days = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    with services.database.writing() as session:
        record(
            session,
            staff_actor(who),
            action,
            object_kind="quality",
            object_id=subject,
            now=services.clock(),
            detail={**{name: day for name, day in days.items() if day}, **detail},
        )
