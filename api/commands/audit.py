"""The audit trail on the command line."""

from dataclasses import asdict

import typer

from api.audit.anchor import AnchorForged
from api.audit.chain import verify
from api.commands.common import DataOption, JsonOption, err, fail, out, print_json, running_services

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """Prove and read the audit trail."""


@app.command("verify", epilog="Example: mingying audit verify --data /srv/mingying")
def verify_chain(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Prove that no event was changed, removed or inserted."""
    with running_services(data) as services:
        try:
            head = services.audit_anchor.head()
        except AnchorForged as forged:
            fail(f"The anchor {forged} does not carry our signature: someone changed it.")
        with services.database.reading() as session:
            report = verify(session, services.keys.audit, services.clock(), head=head)
    if as_json:
        print_json({**asdict(report), "intact": report.intact, "anchored_at": head})
    else:
        out.print(f"{report.sealed} events sealed, {report.open} waiting for their seal")
        if report.sealed and not head:
            err.print("There is no anchor in this data folder: events cut off at the end cannot be seen from here.")
        for fault in report.faults[:20]:
            out.print(f"  {fault}", markup=False)
    if not report.intact:
        fail("The audit chain is broken.")
    if not as_json:
        out.print("The audit chain is intact.")
