"""Doctors' desks, for system administrators: version, when last seen, the two reminder switches."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.messages import workstations as words
from api.schemas import workstations as schema
from api.settings import Settings
from api.spreadsheet import csv_lines
from api.wiring import Services
from api.workstations.records import Condition, find_workstation, fits, is_online, is_outdated, newest_version
from api.workstations.tables import WorkstationRow

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_SHOWN = 500

WorkstationId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def wanted(
    services: CurrentServices,
    q: Annotated[str, Query(max_length=60)] = "",
    condition: Condition | None = None,
) -> tuple[int, list[schema.WorkstationOut]]:
    """Return how many desks there are, and those an address asks for: by label."""
    now = services.clock()
    with services.database.reading() as session:
        rows = session.scalars(select(WorkstationRow).where(WorkstationRow.institution_code == _code(services))).all()
        names = _names(session, rows)
    word = q.strip().lower()
    found = [row for row in rows if word in f"{row.label} {row.version} {row.os}".lower() and fits(row, condition, now)]
    return len(rows), [_out(row, names, now) for row in sorted(found, key=lambda row: (row.label, row.id))]


CurrentWanted = Annotated[tuple[int, list[schema.WorkstationOut]], Depends(wanted)]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of desks for administrators."""
    router = APIRouter(prefix="/api/admin/workstations", tags=["admin: workstations"])

    @router.get("", dependencies=_KEEPS)
    def listed(asked: CurrentWanted) -> schema.WorkstationList:
        """List desks by word and condition."""
        total, found = asked
        return schema.WorkstationList(
            total=total, fitting=len(found), newest_version=newest_version(), workstations=found[:_SHOWN]
        )

    @router.get("/export.csv", dependencies=_KEEPS)
    def export(services: CurrentServices, who: CurrentStaff, asked: CurrentWanted) -> StreamingResponse:
        """Return them all as a table."""
        _, found = asked
        with services.database.writing() as session:
            record(
                session,
                staff_actor(who),
                "workstation.exported",
                object_kind="workstation",
                object_id="-",
                now=services.clock(),
                detail={"workstations": len(found)},
            )
        return StreamingResponse(
            csv_lines(_rows(found)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="workstations.csv"'},
        )

    @router.put("/{workstation}/switches", dependencies=_KEEPS)
    def switch(
        workstation: WorkstationId, body: schema.Switches, services: CurrentServices, who: CurrentStaff
    ) -> schema.WorkstationOut:
        """Say which reminders may let the panel of this desk slide out by itself, from its next report on."""
        now = services.clock()
        with services.database.writing() as session:
            row = find_workstation(session, _code(services), workstation)
            if row is None:
                raise Problem(404, "not_found")
            before = {name: getattr(row, name) for name in schema.Switches.model_fields}
            row.history_reminders, row.duplicate_reminders = body.history_reminders, body.duplicate_reminders
            row.switched_at, row.switched_by = now, who.account_id
            record(
                session,
                staff_actor(who),
                "workstation.switches_set",
                object_kind="workstation",
                object_id=row.workstation_id,
                now=now,
                detail={"before": before, "now": body.model_dump()},
            )
            return _out(row, _names(session, [row]), now)

    return router


def _code(services: Services) -> str:
    return services.settings.hospital.institution_code


def _names(session: Session, rows: Sequence[WorkstationRow]) -> dict[int, str]:
    who = {row.switched_by for row in rows if row.switched_by is not None}
    found = session.execute(select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(who)))
    return dict(found.all())


def _out(row: WorkstationRow, names: dict[int, str], now: datetime) -> schema.WorkstationOut:
    return schema.WorkstationOut(
        workstation=row.workstation_id,
        label=row.label,
        version=row.version,
        outdated=is_outdated(row, newest_version()),
        os=row.os,
        online=is_online(row, now),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        wakes=row.wakes,
        last_woken_at=row.last_woken_at,
        history_reminders=row.history_reminders,
        duplicate_reminders=row.duplicate_reminders,
        switched_at=row.switched_at,
        switched_by=None if row.switched_by is None else names[row.switched_by],
    )


def _rows(found: Sequence[schema.WorkstationOut]) -> Iterator[Sequence[str]]:
    yield words.COLUMNS
    for desk in found:
        yield (
            desk.label,
            words.ONLINE if desk.online else words.OFFLINE,
            _moment(desk.last_seen_at),
            desk.version,
            words.OUTDATED if desk.outdated else "",
            desk.os,
            words.SWITCH[desk.history_reminders],
            words.SWITCH[desk.duplicate_reminders],
            _moment(desk.switched_at),
            desk.switched_by or "",
            _moment(desk.first_seen_at),
            str(desk.wakes),
            _moment(desk.last_woken_at),
            desk.workstation,
        )


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
