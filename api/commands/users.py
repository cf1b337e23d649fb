"""Accounts of staff."""

import re
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.errors import LoginTaken, RolesConflict
from api.accounts.passwords import initial_password
from api.accounts.roles import Role
from api.accounts.store import LOGIN_PATTERN, create_account, disable_account, find_account, reset_account
from api.accounts.tables import AccountRow
from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, fail, out, print_json, running_services, wrong_use
from api.wiring import Services

app = typer.Typer(no_args_is_help=True)

_LoginArgument = Annotated[str, typer.Argument(help="What one signs in with: a letter, then letters, digits, . _ -")]


@app.command(epilog="Example: mingying user add wang.li --name 王丽 --role reviewer --role doctor")
def add(
    login: _LoginArgument,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[list[Role], typer.Option(help="What the account may be used for; repeat for several.")],
    department: Annotated[str, typer.Option(help="Department.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account; its initial password is shown once and must be changed at the first sign-in."""
    if not re.fullmatch(LOGIN_PATTERN, login):
        wrong_use(f"{login!r} cannot be a login: a letter, then letters, digits, . _ - (2 to 32 characters)")
    password = initial_password()
    with running_services(data) as services:
        code, now = services.settings.hospital.institution_code, services.clock()
        try:
            with services.database.writing() as session:
                row = create_account(
                    session,
                    institution_code=code,
                    login=login,
                    name=name,
                    department=department,
                    roles=set(role),
                    password=password,
                    now=now,
                )
                number = row.id
                actor = Actor("system", "command line", code)
                record(
                    session,
                    actor,
                    "account.created",
                    object_kind="account",
                    object_id=f"account:{number}",
                    now=now,
                    detail={"roles": sorted(set(role))},
                )
        except LoginTaken:
            fail(f"there is already an account {login.lower()}")
        except RolesConflict:
            fail("system administrator, security administrator and auditor must be different people")
    if as_json:
        print_json({"id": number, "login": login.lower(), "roles": sorted(set(role)), "initial_password": password})
    else:
        out.print(f"account {login.lower()}, initial password: {password}", markup=False)


@app.command("list", epilog="Example: mingying user list")
def list_accounts(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the accounts."""
    with running_services(data) as services, services.database.reading() as session:
        rows = session.scalars(select(AccountRow).order_by(AccountRow.id)).all()
    if as_json:
        print_json(
            [
                {"login": row.login, "name": row.name, "roles": row.roles, "disabled": row.disabled_at is not None}
                for row in rows
            ]
        )
        return
    for row in rows:
        state = " (disabled)" if row.disabled_at else ""
        out.print(f"{row.login}  {row.name}  {', '.join(row.roles)}{state}", markup=False)


@app.command(epilog="Example: mingying user reset wang.li")
def reset(login: _LoginArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Hand out a new initial password and forget the second factor; enables a disabled account."""
    password = initial_password()
    with running_services(data) as services, services.database.writing() as session:
        row = _account(services, session, login)
        reset_account(session, row, password, services.clock())
        _record(services, session, row, "account.reset")
    if as_json:
        print_json({"login": row.login, "initial_password": password})
    else:
        out.print(f"account {row.login}, initial password: {password}", markup=False)


@app.command(epilog="Example: mingying user disable wang.li")
def disable(login: _LoginArgument, data: DataOption = None) -> None:
    """Shut an account at once; it stays in the audit."""
    with running_services(data) as services, services.database.writing() as session:
        row = _account(services, session, login)
        disable_account(session, row, services.clock())
        _record(services, session, row, "account.disabled")
    out.print(f"account {row.login} is disabled", markup=False)


def _account(services: Services, session: Session, login: str) -> AccountRow:
    row = find_account(session, services.settings.hospital.institution_code, login)
    if row is None:
        fail(f"there is no account {login.lower()}")
    return row


def _record(services: Services, session: Session, row: AccountRow, action: str) -> None:
    actor = Actor("system", "command line", row.institution_code)
    record(session, actor, action, object_kind="account", object_id=f"account:{row.id}", now=services.clock())
