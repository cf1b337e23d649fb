"""The province's institutions for system administrators: the list, and the share that is retrievable (R2.7)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import floor

from fastapi import APIRouter, UploadFile
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.audit.record import record
from api.auth.access import CheckedFirst, CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.institutions.retrievable import WANTED, Listed, State, Wanted, listed, replace_list, share
from api.messages import institutions as words
from api.schemas import admin_institutions as schema
from api.settings import Settings
from api.sheet_reading import RowError, SheetForm, SheetRefused, read_rows
from api.spreadsheet import csv_lines
from api.wiring import Services

MOST_BYTES = 4 * 1024 * 1024
_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_SHOWN = 500
_FORM = SheetForm(
    columns=words.COLUMNS,
    most_rows=20_000,
    longest=64,
    optional=frozenset({words.AREA}),
    most_unpacked=64 * 1024 * 1024,
    takes_csv=True,
)


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of institutions."""
    router = APIRouter(prefix="/api/admin/institutions", tags=["admin: institutions"], route_class=CheckedFirst)

    @router.get("", dependencies=_KEEPS)
    def overview(services: CurrentServices, state: State | None = None) -> schema.InstitutionList:
        """Return the share that is retrievable, and the institutions of a state."""
        with services.database.reading() as session:
            found = listed(session, _code(services), services.clock())
        ratio = share(found)
        return schema.InstitutionList(
            total=len(found),
            counts=Counter(one.state for one in found),
            ratio=ratio,
            # cut, never rounded: 79.99 % is not 80 %
            share="暂无数据" if ratio is None else f"{floor(ratio * 1000 + 1e-9) / 10:g}%",
            wanted=WANTED,
            institutions=[_out(one) for one in found if state in (None, one.state)][:_SHOWN],
        )

    @router.get("/export.csv", dependencies=_KEEPS)
    def export(services: CurrentServices, who: CurrentStaff) -> StreamingResponse:
        """Return the whole list as a table."""
        with services.database.writing() as session:
            found = listed(session, _code(services), services.clock())
            _record(services, session, who, "institutions.exported", len(found))
        return StreamingResponse(
            csv_lines(_rows(found)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="institutions.csv"'},
        )

    @router.post("/import/check", dependencies=_KEEPS)
    def check(file: UploadFile) -> schema.InstitutionSheet:
        """Say what a sheet holds and what is wrong with it; nothing is imported."""
        return _checked(*_read(file))

    @router.post("/import", dependencies=_KEEPS)
    def take(file: UploadFile, services: CurrentServices, who: CurrentStaff) -> schema.InstitutionSheet:
        """Put a sheet in place of the list; when one row is wrong, nothing changes."""
        rows, errors = _read(file)
        if errors:
            raise Problem(422, "sheet_has_errors", **_checked(rows, errors).model_dump(mode="json"))
        with services.database.writing() as session:
            replace_list(session, _code(services), rows, services.clock())
            _record(services, session, who, "institutions.imported", len(rows))
        return _checked(rows, errors)

    return router


def _code(services: Services) -> str:
    return services.settings.hospital.institution_code


def _read(file: UploadFile) -> tuple[list[Wanted], list[RowError]]:
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Problem(413, "too_large", field="file")
    try:
        read = read_rows(content, _FORM)
    except SheetRefused as refused:
        raise Problem(415, "sheet_unreadable", detail=refused.reason, field="file") from refused
    used: dict[str, int] = {}
    errors: list[RowError] = []
    for row in read:
        code = row.texts[words.CODE]
        if words.CODE not in row.wrong:
            if not re.fullmatch(r"[0-9A-Z]{18}", code):
                row.wrong[words.CODE] = words.CODE_FORM
            elif code in used:
                row.wrong[words.CODE] = words.same_code(used[code])
        used.setdefault(code, row.row)
        errors += row.errors(_FORM)
    return [Wanted(*(row.texts[name] for name in words.COLUMNS)) for row in read], errors


def _checked(rows: Sequence[Wanted], errors: Sequence[RowError]) -> schema.InstitutionSheet:
    shown = [schema.CellError(row=item.row, column=item.column, reason=item.reason) for item in errors[:_SHOWN]]
    return schema.InstitutionSheet(total=len(rows), errors=shown)


def _out(one: Listed) -> schema.InstitutionOut:
    return schema.InstitutionOut(
        code=one.code,
        name=one.name,
        area=one.area,
        state=one.state,
        reason=words.REASONS[one.state],
        succeeded_at=one.succeeded_at,
        failed_at=one.failed_at,
    )


def _rows(found: Sequence[Listed]) -> Iterator[Sequence[str]]:
    yield words.EXPORTED
    for one in found:
        moments = (at.isoformat(timespec="seconds") if at else "" for at in (one.succeeded_at, one.failed_at))
        yield one.code, one.name, one.area, words.STATES[one.state], words.REASONS[one.state], *moments


def _record(services: Services, session: Session, who: Staff, action: str, count: int) -> None:
    record(
        session,
        staff_actor(who),
        action,
        object_kind="institutions",
        object_id="-",
        now=services.clock(),
        detail={"institutions": count},
    )
