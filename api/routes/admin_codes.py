"""编码对照 for system administrators: review, decide, import and export."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, UploadFile
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CheckedFirst, CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.messages import codes as words
from api.schemas import admin_codes as schema
from api.settings import Settings
from api.sheet_reading import SheetRefused
from api.spreadsheet import csv_lines
from api.wiring import Services
from api.workflows import review_codes
from api.workflows.import_codes import MOST_BYTES, CodeSheet, read_codes, written
from api.workflows.review_codes import LocalItem, MappingStale, State
from imaging_core.coding import ExamItem, starter_catalogue
from imaging_core.coding.mappings import MappingRefused, kept
from imaging_core.coding.tables import CodeMappingRow
from imaging_core.coding.vocabulary import vocabulary

_KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_SHOWN = 200


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of code mappings."""
    router = APIRouter(prefix="/api/admin/codes", tags=["admin: codes"], route_class=CheckedFirst)

    @router.get("", dependencies=_KEEPS)
    def listed(
        services: CurrentServices, state: State | None = None, q: Annotated[str, Query(max_length=60)] = ""
    ) -> schema.CodeList:
        """List the hospital's own items by state and word."""
        with services.database.reading() as session:
            items = review_codes.local_items(session, _code(services))
            names = _names(session, [item.row for item in items if item.row])
        word = q.strip().lower()
        found = [i for i in items if state in (None, i.state) and word in f"{i.code} {i.name}".lower()]
        catalogue = starter_catalogue()
        return schema.CodeList(
            catalogue_version=catalogue.version,
            catalogue_is_demo=catalogue.demo,
            counts=Counter(item.state for item in items),
            coverage=schema.CoverageOut.model_validate(review_codes.coverage(items)),
            fitting=len(found),
            items=[_out(item, names) for item in found[:_SHOWN]],
        )

    @router.get("/catalogue", dependencies=_KEEPS)
    def catalogue() -> schema.CatalogueOut:
        """Return what standard items are composed of."""
        known = vocabulary()
        return schema.CatalogueOut(
            version=starter_catalogue().version,
            modalities=list(known.modalities),
            parts=[schema.PartOut(name=part.name, paired=part.paired) for part in known.parts.values()],
            methods=list(known.methods),
        )

    @router.put("/mapping", dependencies=_KEEPS)
    def decide(body: schema.Decision, services: CurrentServices, who: CurrentStaff) -> schema.LocalItemOut:
        """Confirm what an item stands for; from now on it goes before the parser's guess."""
        items = [ExamItem(one.modality, one.body_part, one.side, tuple(one.methods)) for one in body.items]
        with services.database.writing() as session:
            try:
                row, is_new = review_codes.confirm(
                    session,
                    _code(services),
                    code=body.code,
                    name=body.name,
                    items=items,
                    seen=body.seen,
                    unlike_name=body.unlike_name,
                    by=who.account_id,
                    now=services.clock(),
                )
            except MappingRefused as refused:
                detail = f"第 {refused.place + 1} 个标准项目：{words.REFUSED[refused.reason]}。"
                raise Problem(422, "mapping_refused", detail=detail, field="items", reason=refused.reason) from refused
            except MappingStale as stale:
                raise _stale(session, stale) from stale
            if is_new:
                _record(services, session, who, "mapping.confirmed", row)
            return _of_row(session, row)

    @router.post("/mapping/reopen", dependencies=_KEEPS)
    def reopen(body: schema.Reopening, services: CurrentServices, who: CurrentStaff) -> schema.LocalItemOut:
        """Take a confirmation back; the parser's guess counts again."""
        with services.database.writing() as session:
            try:
                row = review_codes.reopen(
                    session,
                    _code(services),
                    code=body.code,
                    name=body.name,
                    seen=body.seen,
                    by=who.account_id,
                    now=services.clock(),
                )
            except LookupError as error:
                raise Problem(404, "not_found") from error
            except MappingStale as stale:
                raise _stale(session, stale) from stale
            _record(services, session, who, "mapping.reopened", row)
            return _of_row(session, row)

    @router.get("/export.csv", dependencies=_KEEPS)
    def export(services: CurrentServices, who: CurrentStaff) -> StreamingResponse:
        """Return all items as a table, which can be imported again; empty it is the form to fill."""
        with services.database.writing() as session:
            items = review_codes.local_items(session, _code(services))
            names = _names(session, [item.row for item in items if item.row])
            _record_list(services, session, who, "mapping.exported", {"items": len(items)})
        return StreamingResponse(
            csv_lines(_rows(items, names)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="codes.csv"'},
        )

    @router.post("/import/check", dependencies=_KEEPS)
    def check(file: UploadFile) -> schema.CodeSheetCheck:
        """Say what a sheet holds and what is wrong with it; nothing is imported."""
        return _checked(_read(file))

    @router.post("/import", dependencies=_KEEPS)
    def take(file: UploadFile, services: CurrentServices, who: CurrentStaff) -> schema.CodesImported:
        """Take all items of a sheet; when one row is wrong, none. Its codes are proposals, nothing is confirmed."""
        sheet = _read(file)
        if sheet.errors:
            raise Problem(422, "sheet_has_errors", **_checked(sheet).model_dump(mode="json"))
        with services.database.writing() as session:
            new = review_codes.take_list(session, _code(services), sheet.rows)
            _record_list(services, session, who, "mapping.imported", {"items": len(sheet.rows), "new": new})
        return schema.CodesImported(total=len(sheet.rows), new=new)

    return router


def _code(services: Services) -> str:
    return services.settings.hospital.institution_code


def _read(file: UploadFile) -> CodeSheet:
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Problem(413, "too_large", field="file")
    try:
        return read_codes(content)
    except SheetRefused as refused:
        raise Problem(415, "sheet_unreadable", detail=refused.reason, field="file") from refused


def _checked(sheet: CodeSheet) -> schema.CodeSheetCheck:
    rows = [
        schema.ImportedItem(code=row.code, name=row.name, items=_kept_out(row.items)) for row in sheet.rows[:_SHOWN]
    ]
    errors = [schema.CellError(row=item.row, column=item.column, reason=item.reason) for item in sheet.errors[:_SHOWN]]
    return schema.CodeSheetCheck(total=len(sheet.rows), rows=rows, errors=errors)


def _names(session: Session, rows: Iterable[CodeMappingRow]) -> dict[int, str]:
    who = {row.decided_by for row in rows if row.decided_by is not None}
    return dict(session.execute(select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(who))).all())


def _of_row(session: Session, row: CodeMappingRow) -> schema.LocalItemOut:
    session.flush()
    return _out(LocalItem(row.local_code, row.local_name, 0, row), _names(session, [row]))


def _out(item: LocalItem, names: Mapping[int, str]) -> schema.LocalItemOut:
    row, read = item.row, item.suggestion
    suggested = [
        out.model_copy(update={"score": one.score})
        for out, one in zip(_kept_out([one.item for one in read.items]), read.items, strict=True)
    ]
    return schema.LocalItemOut(
        code=item.code,
        name=item.name,
        uses=item.uses,
        state=item.state,
        version=row.version if row else 0,
        suggested=suggested,
        score=read.score,
        unknown=list(read.unknown),
        proposed=[schema.StandardItemOut.model_validate(one) for one in row.proposed] if row else [],
        confirmed=[schema.StandardItemOut.model_validate(one) for one in row.confirmed] if row else [],
        decided_by=names.get(row.decided_by) if row and row.decided_by else None,
        decided_at=row.decided_at if row else None,
    )


def _kept_out(items: Iterable[ExamItem]) -> list[schema.StandardItemOut]:
    return [schema.StandardItemOut.model_validate(one) for one in kept(items, starter_catalogue())]


def _rows(items: Sequence[LocalItem], names: Mapping[int, str]) -> Iterator[Sequence[str]]:
    yield words.COLUMNS
    catalogue = starter_catalogue()
    for item in items:
        row, read = item.row, item.suggestion
        yield (
            item.code,
            item.name,
            "、".join(written(one, catalogue.code_of(one)) for one in item.confirmed),
            "、".join(f"{one.modality}{one.side}{one.body_part}{'+'.join(one.methods)}" for one in item.confirmed),
            words.STATES[item.state],
            "、".join(written(one, catalogue.code_of(one)) for one in item.proposed),
            f"{read.score:.2f}",
            str(item.uses),
            names.get(row.decided_by, "") if row and row.decided_by else "",
            row.decided_at.isoformat(timespec="seconds") if row and row.decided_at else "",
        )


def _stale(session: Session, stale: MappingStale) -> Problem:
    name = session.scalar(select(AccountRow.name).where(AccountRow.id == stale.decided_by))
    at = stale.decided_at.isoformat() if stale.decided_at else None
    return Problem(409, "decided_meanwhile", decided_by=name, decided_at=at)


def _record(services: Services, session: Session, who: Staff, action: str, row: CodeMappingRow) -> None:
    session.flush()
    record(
        session,
        staff_actor(who),
        action,
        object_kind="code_mapping",
        object_id=str(row.id),
        now=services.clock(),
        detail={
            "code": row.local_code,
            "item": row.local_name,
            "standard": [f"{one['standard_code']}/{one['side']}" for one in row.confirmed],
            "catalogue": row.catalogue_version,
            "changed": row.changed,
        },
    )


def _record_list(services: Services, session: Session, who: Staff, action: str, detail: dict[str, int]) -> None:
    record(
        session,
        staff_actor(who),
        action,
        object_kind="code_mapping",
        object_id="-",
        now=services.clock(),
        detail=detail,
    )
