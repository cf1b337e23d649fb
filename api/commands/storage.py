"""`mingying storage`: the places of stored bytes."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from api.commands.common import DataOption, JsonOption, fail, load_settings, out, print_json, running_services

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Example: mingying storage prepare --data /srv/mingying")
def prepare(data: DataOption = None) -> None:
    """Mark the folders of replica and colder place as mounted and meant: nothing is written to one without its mark."""
    from imaging_core.blobs import cold, replicated

    blobs = load_settings(data).blobs
    places = {replicated.MARK: blobs.replica.folder, cold.MARK: blobs.cold.folder}
    if not any(places.values()):
        fail("no folder is set: MINGYING_BLOBS__REPLICA__FOLDER or MINGYING_BLOBS__COLD__FOLDER")
    for mark, folder in places.items():
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o750)
                (folder / mark).touch()
            except OSError as error:
                fail(f"{folder} cannot be written: {error.strerror}")
            out.print(f"{folder} is ready", markup=False)


@app.command(epilog="Example: mingying storage restore 1.2.840.1 --data /srv/mingying")
def restore(
    study: Annotated[str, typer.Argument(help="Study Instance UID or accession number.")], data: DataOption = None
) -> None:
    """Bring the segments of a study back from the colder place to disk. Ended early, the worker goes on with it."""
    from api.workflows.keep_storage import tiers_of

    with running_services(data) as services:
        tiers = tiers_of(services)
        if tiers is None:
            fail("no colder place is set: MINGYING_BLOBS__COLD__FOLDER")
        wanted = tiers.want_study(services.settings.hospital.institution_code, study)
        if wanted:
            tiers.warm_wanted()
    out.print(f"{len(wanted)} segments brought back" if wanted else "nothing of this study lies in the colder place")


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
    if figures.tiers is not None:
        tiers = figures.tiers
        out.print(f"colder place: {tiers.cold_segments} segments, {tiers.cold_bytes / 1024**3:.1f} GiB")


def _day(day: date) -> str:
    return day.isoformat()
