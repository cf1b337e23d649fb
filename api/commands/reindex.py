"""`mingying reindex`: the index from the bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress

from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, err, fail, out, print_json, running_services
from api.processes.upkeep import UpkeepBusy, upkeep
from api.wiring import Services


@contextmanager
def _alone(services: Services) -> Iterator[None]:
    """Disposal meanwhile would take away what is about to be filed."""
    try:
        with upkeep(services.settings.data):
            yield
    except UpkeepBusy as busy:
        fail(str(busy))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reindex", epilog="Example: mingying reindex --check --data /srv/mingying")(reindex)


def reindex(
    data: DataOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only compare; status 1 when they differ.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the index with the stored bytes, and file what the index does not name (safe to repeat)."""
    from imaging_core.ingest.reindex import reindex as reindex_archive

    with (
        running_services(data) as services,
        _alone(services),
        Progress(console=err, disable=not err.is_terminal) as shown,
    ):
        task = shown.add_task("filing", total=None)
        found = reindex_archive(
            services.blobs,
            services.ingestor,
            services.database.reads,
            change=not check,
            progress=lambda done, known: shown.update(task, completed=done, total=known),
        )
        if found.filed or found.quarantined:
            with services.database.writing() as session:
                record(
                    session,
                    Actor("system", "command line", services.settings.hospital.institution_code),
                    "archive.reindexed",
                    object_kind="archive",
                    object_id="-",
                    now=services.clock(),
                    detail={"filed": found.filed, "quarantined": found.quarantined},
                )
    if as_json:
        print_json({**asdict(found), "agrees": found.agrees})
    else:
        out.print(f"{found.kept} instances are stored, {found.unindexed} of them were not in the index")
        if not check:
            out.print(f"{found.filed} filed, {found.quarantined} put aside for a person")
        for uid in found.absent[:20]:
            out.print(f"  bytes are missing: {uid}", markup=False)
    if not found.agrees:
        fail("Index and stored bytes differ.")
