"""`mingying storage`: the places of stored bytes."""

from dataclasses import asdict
from datetime import date

import typer

from api.commands.common import DataOption, JsonOption, fail, load_settings, out, print_json, running_services

app = typer.Typer(no_args_is_help=True)


@app.command("prepare-replica", epilog="Example: mingying storage prepare-replica --data /srv/mingying")
def prepare_replica(data: DataOption = None) -> None:
    """Mark the folder of the replica as mounted and meant: without the mark nothing is written to it."""
    from imaging_core.blobs.replicated import MARK

    folder = load_settings(data).blobs.replica.folder
    if folder is None:
        fail("no folder is set: MINGYING_BLOBS__REPLICA__FOLDER")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        (folder / MARK).touch()
    except OSError as error:
        fail(f"{folder} cannot be written: {error.strerror}")
    out.print(f"{folder} is ready", markup=False)


@app.command("show", epilog="Example: mingying storage show --json --data /srv/mingying")
def show(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Say how full the disk is and when it will be, where the scrub stands, and what the replica lacks."""
    from api.workflows.keep_storage import figures_of

    with running_services(data) as services:
        figures = figures_of(services)
    if as_json:
        said = asdict(figures)
        said["growth"]["days"] = {_day(day): size for day, size in figures.growth.days.items()}
        print_json(said)
        return
    if figures.free is not None:
        left = "" if figures.days_left is None else f", enough for {figures.days_left:.0f} days"
        out.print(f"{figures.free / 1024**3:.1f} GiB free{left}; {figures.per_day / 1024**3:.2f} GiB come a day")
    scrub = figures.scrub
    last = scrub.last_full_pass.isoformat(timespec="minutes") if scrub.last_full_pass else "never"
    out.print(f"last full scrub: {last}; {scrub.damaged} copies damaged so far, {scrub.unrepaired} of them open")
    if figures.replica is not None:
        out.print(f"replica: {figures.replica.lacking} blobs have no second copy")


def _day(day: date) -> str:
    return day.isoformat()
