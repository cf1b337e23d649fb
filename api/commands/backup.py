"""Backups on the command line."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from api.backup.create import create_backup, require_installation
from api.backup.errors import BackupError
from api.backup.layout import Progress
from api.backup.restore import restore_backup
from api.backup.verify import Verified, verify_backups
from api.commands.common import DataOption, JsonOption, err, fail, load_settings, out, print_json
from api.http_logging import configure_logging
from api.secrets import keys_file
from api.wiring import build_services

app = typer.Typer(no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backups, best on another machine's disk.")]
NameOption = Annotated[str | None, typer.Option("--name", help="Which backup in the folder, as `verify` names it.")]


@app.command(epilog="Example: mingying backup create /mnt/backup --keys /media/usb/keys.json --data /srv/mingying")
def create(
    folder: FolderArgument,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Also copy the keys there, outside FOLDER.", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back up database, images, settings and audit anchor; the service may run.

    Images that an earlier backup in FOLDER holds are not copied again. The keys are never in FOLDER: who finds
    it cannot read phone and ID numbers. Names and images are in it as they are: keep it on an encrypted disk.
    """
    configure_logging("WARNING")
    settings = load_settings(data)
    with _sentences():
        require_installation(settings)
    if keys is not None:
        _copy_keys(keys_file(settings.data), keys, folder)
    services = build_services(settings)  # without migrating: before an upgrade the tables are kept as they are
    try:
        with _sentences(), _bar("copying") as progress:
            created = create_backup(services, folder, progress=progress)
    finally:
        services.close()
    if as_json:
        print_json({**asdict(created), "keys": str(keys) if keys else None})
    else:
        out.print(f"backup {created.name}: {created.blobs} blobs, {created.copied} of them new", markup=False)
        out.print(f"keys: copied to {keys}" if keys else "keys: NOT in this backup, keep a copy of keys.json elsewhere")
    if created.absent:
        fail(f"{len(created.absent)} blobs are lost or damaged in the installation itself, first {created.absent[0]}")


@app.command(epilog="Example: mingying backup verify /mnt/backup")
def verify(folder: FolderArgument, name: NameOption = None, as_json: JsonOption = False) -> None:
    """Read every file of the backups and compare it with its checksum."""
    with _sentences(), _bar("reading") as progress:
        backups = verify_backups(folder, name=name, progress=progress)
    ok = all(backup.ok for backup in backups)
    if as_json:
        print_json({"ok": ok, "backups": [_described(backup) for backup in backups]})
    for backup in () if as_json else backups:
        out.print(f"backup {backup.name}: {backup.files} files, {'whole' if backup.ok else 'DAMAGED'}", markup=False)
        for fault in backup.faults[:20]:
            err.print(f"  {fault.file} is {fault.fault}", markup=False)
        if backup.about is not None and backup.about.absent:
            err.print(f"  {len(backup.about.absent)} blobs were already lost when it was made")
    if not ok:
        raise typer.Exit(1)


@app.command(epilog="Example: mingying backup restore /mnt/backup --keys /media/usb/keys.json --data /srv/mingying")
def restore(
    folder: FolderArgument,
    keys: Annotated[
        Path | None, typer.Option("--keys", exists=True, dir_okay=False, help="The copy of keys.json.")
    ] = None,
    name: NameOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into an empty data folder (and, with PostgreSQL, an empty database)."""
    configure_logging("WARNING")
    settings = load_settings(data)
    with _sentences(), _bar("bringing back") as progress:
        restored = restore_backup(folder, settings.data, keys=keys, name=name, progress=progress)
    if as_json:
        print_json(asdict(restored))
    else:
        out.print(f"backup {restored.name} is back in {settings.data}: {restored.blobs} blobs", markup=False)
        out.print(f"pictures of {restored.studies} studies are made anew once `mingying up` runs; now: mingying check")


def _copy_keys(source: Path, target: Path, folder: Path) -> None:
    if target.resolve().is_relative_to(folder.resolve()):
        fail("keys beside what they open protect nothing: choose a place outside the backup folder")
    if target.exists():
        if target.read_bytes() != source.read_bytes():
            fail(f"{target} holds other keys: choose another place")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(0o600)
    shutil.copyfile(source, target)


def _described(backup: Verified) -> dict[str, object]:
    about = backup.about.model_dump(mode="json", exclude={"keys"}) if backup.about else {}
    faults = [asdict(fault) for fault in backup.faults]
    return {**about, "name": backup.name, "ok": backup.ok, "files": backup.files, "faults": faults}


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        fail(str(error))


@contextmanager
def _bar(doing: str) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, known: bar.update(task, completed=done, total=known)
