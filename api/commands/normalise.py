"""`mingying normalise`: what devices wrote, judged again from the bytes."""

from typing import Annotated

import typer

from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, out, print_json, running_services


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("normalise", epilog="Example: mingying normalise --all --data /srv/mingying")(normalise)


def normalise(
    data: DataOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Every study, not only those that wait for it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Normalise studies again, beside the stored bytes; stopped, it goes on with those that are left."""
    from imaging_core.normalise.upkeep import mark_all, waiting

    with running_services(data) as services:
        code = services.settings.hospital.institution_code
        if everything:
            with services.database.writing() as session:
                marked = mark_all(session, code)
                record(
                    session,
                    Actor("system", "command line", code),
                    "normalisation.all_marked",
                    object_kind="archive",
                    object_id="-",
                    now=services.clock(),
                    detail={"studies": marked},
                )
        done = services.normaliser.normalise_waiting(code)
        with services.database.reading() as session:
            left = waiting(session, code)
    if as_json:
        print_json({"normalised": done, "waiting": left})
    else:
        out.print(f"{done} studies normalised, {left} wait")
