"""Keys of machines that call."""

import hashlib
import secrets
from typing import Annotated

import typer
from sqlalchemy import select

from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, fail, out, print_json, running_services, wrong_use
from api.db.tables import MachineKeyRow

app = typer.Typer(no_args_is_help=True)

SCOPES = ("stow", "query", "retrieve", "documents", "print", "orders", "registrations", "launch", "workstation")


@app.command(epilog="Example: mingying key issue --name pacs --scope stow")
def issue(
    name: Annotated[str, typer.Option(help="Which machine, e.g. pacs.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do: {', '.join(SCOPES)}; repeat for several.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a key; it is shown once, only its hash is kept."""
    unknown = sorted(set(scope) - set(SCOPES))
    if unknown:
        wrong_use(f"unknown scope {unknown[0]}: choose from {', '.join(SCOPES)}")
    key = secrets.token_urlsafe(32)
    with running_services(data) as services, services.database.writing() as session:
        code, now = services.settings.hospital.institution_code, services.clock()
        row = MachineKeyRow(
            institution_code=code,
            name=name,
            key_hash=hashlib.sha256(key.encode()).hexdigest(),
            scopes=sorted(set(scope)),
            created_at=now,
        )
        session.add(row)
        session.flush()
        number = row.id
        actor = Actor("system", "command line", code)
        record(session, actor, "key.issued", object_kind="key", object_id=str(number), now=now)
    if as_json:
        print_json({"id": number, "name": name, "scopes": sorted(set(scope)), "key": key})
    else:
        out.print(f"key {number} for {name}: {key}", markup=False)


@app.command(epilog="Example: mingying key revoke 3")
def revoke(number: int, data: DataOption = None) -> None:
    """Revoke a key at once."""
    with running_services(data) as services, services.database.writing() as session:
        row = session.scalars(
            select(MachineKeyRow).where(MachineKeyRow.id == number, MachineKeyRow.revoked_at.is_(None))
        ).first()
        if row is None:
            fail(f"there is no key {number} in use")
        row.revoked_at = services.clock()
        actor = Actor("system", "command line", row.institution_code)
        record(session, actor, "key.revoked", object_kind="key", object_id=str(number), now=row.revoked_at)
    out.print(f"key {number} is revoked")
