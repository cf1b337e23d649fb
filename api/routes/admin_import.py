"""Accounts from a spreadsheet: template, check, and import of all or nothing."""

from fastapi import APIRouter, Response, UploadFile
from sqlalchemy import select

from api.accounts.passwords import hash_password, initial_password
from api.accounts.store import request_account
from api.accounts.tables import AccountRow
from api.audit.record import record
from api.auth.access import CheckedFirst, CurrentServices, CurrentStaff, staff_actor
from api.errors import Problem
from api.routes.admin_accounts import KEEPS, account_out, record_account
from api.schemas import admin_accounts as schema
from api.settings import Settings
from api.sheet_reading import SheetRefused
from api.wiring import Services
from api.workflows.import_accounts import MOST_BYTES, AccountSheet, read_accounts, template

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of the import."""
    router = APIRouter(prefix="/api/admin/accounts", tags=["admin: accounts"], route_class=CheckedFirst)

    @router.get("/template.xlsx", dependencies=KEEPS, response_class=Response)
    def empty_sheet() -> Response:
        """Return the sheet to fill."""
        headers = {"Content-Disposition": 'attachment; filename="accounts.xlsx"'}
        return Response(template(), media_type=XLSX, headers=headers)

    @router.post("/import/check", dependencies=KEEPS)
    def check(file: UploadFile, services: CurrentServices) -> schema.ImportCheck:
        """Say what a sheet holds and what is wrong with it; nothing is imported."""
        return _checked(_read(services, file))

    @router.post("/import", status_code=201, dependencies=KEEPS)
    def take(file: UploadFile, services: CurrentServices, who: CurrentStaff) -> schema.Imported:
        """Make all accounts of a sheet; when one row is wrong, none."""
        sheet = _read(services, file)
        if sheet.errors:
            raise Problem(422, "import_refused", **_checked(sheet).model_dump(mode="json"))
        passwords = [initial_password() for _ in sheet.rows]
        hashes = [hash_password(password) for password in passwords]
        code, now = services.settings.hospital.institution_code, services.clock()
        with services.database.writing() as session:
            made = []
            for person, kept in zip(sheet.rows, hashes, strict=True):
                row = request_account(
                    session,
                    institution_code=code,
                    login=person.login,
                    name=person.name,
                    department=person.department,
                    requested_roles=person.roles,
                    password_hash=kept,
                    now=now,
                )
                record_account(session, who, row, "account.created", now, {"requested_roles": row.requested_roles})
                made.append(row)
            detail = {"accounts": len(made)}
            record(
                session,
                staff_actor(who),
                "account.imported",
                object_kind="accounts sheet",
                object_id="-",
                now=now,
                detail=detail,
            )
        return schema.Imported(
            accounts=[
                schema.HandedOut(account=account_out(row, None), initial_password=password)
                for row, password in zip(made, passwords, strict=True)
            ]
        )

    return router


def _read(services: Services, file: UploadFile) -> AccountSheet:
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Problem(413, "too_large", field="file")
    code = services.settings.hospital.institution_code
    with services.database.reading() as session:
        taken = frozenset(session.scalars(select(AccountRow.login).where(AccountRow.institution_code == code)))
    try:
        return read_accounts(content, taken)
    except SheetRefused as refused:
        raise Problem(415, "sheet_unreadable", detail=refused.reason, field="file") from refused


def _checked(sheet: AccountSheet) -> schema.ImportCheck:
    return schema.ImportCheck(
        rows=[
            schema.ImportRow(
                row=item.row,
                name=item.name,
                login=item.login,
                department=item.department,
                requested_roles=sorted(item.roles),
            )
            for item in sheet.rows
        ],
        errors=[schema.CellError(row=item.row, column=item.column, reason=item.reason) for item in sheet.errors],
    )
