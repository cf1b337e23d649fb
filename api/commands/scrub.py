"""`mingying scrub`: every stored byte read again."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from api.commands.common import DataOption, JsonOption, err, fail, out, print_json, running_services, wrong_use

if TYPE_CHECKING:
    from imaging_core.blobs import FilesystemBlobStore

_AT_ONCE = 256 * 1024**2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scrub", epilog="Example: mingying scrub --all --backup /mnt/backup --data /srv/mingying")(scrub)


def scrub(
    data: DataOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Go on to the end of the pass, at full speed, and compare the other way too.")
    ] = False,
    backup: Annotated[
        Path | None, typer.Option("--backup", help="Folder of backups: right bytes where no copy is right.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read stored bytes again, hold them against their digests, and repair what is not right (safe to repeat)."""
    from api.workflows.keep_storage import scrub_of
    from imaging_core.scrub import Scrubbed, growth, standing, unreferenced

    with running_services(data) as services, Progress(console=err, disable=not err.is_terminal) as shown:
        scrubbing = scrub_of(services, backup=_blobs_of(backup))
        with services.database.reading() as session:
            total, before = growth(session).instances, standing(session).pass_blobs
        task = shown.add_task("reading", total=total or None, completed=before)
        done = Scrubbed()
        while True:
            step = scrubbing.some(most_bytes=_AT_ONCE)
            done.add(step)
            shown.advance(task, step.blobs)
            if step.pass_done or not everything:
                break
        loose = unreferenced(services.blobs, services.database.reads) if everything else None
        with services.database.reading() as session:
            stands = standing(session)
    if as_json:
        print_json({**asdict(done), "unreferenced": loose and asdict(loose), "standing": asdict(stands)})
    else:
        out.print(
            f"{done.blobs} blobs read, {done.bytes} bytes; {done.damaged} copies damaged, {done.repaired} repaired"
        )
        if done.copied:
            out.print(f"{done.copied} copies written that were never there")
        if done.out_of_reach:
            out.print(f"{done.out_of_reach} copies could not be asked for: their store does not answer")
        if loose and loose.instances:
            out.print(f"{loose.instances} instances are stored and not in the index: mingying reindex files them")
    if stands.unrepaired:
        fail(f"{stands.unrepaired} copies are damaged and no right one is known: give a backup (--backup).")
    if done.out_of_reach:
        fail("Not all copies could be looked at.")


def _blobs_of(backup: Path | None) -> "FilesystemBlobStore | None":
    from api.backup.layout import BLOBS
    from imaging_core.blobs import FilesystemBlobStore

    if backup is None:
        return None
    if not (backup / BLOBS).is_dir():
        wrong_use(f"{backup} holds no backups")
    return FilesystemBlobStore(backup / BLOBS)
