"""Bringing studies in from folders."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, err, out, print_json, running_services
from imaging_core.ingest.folder import import_paths
from imaging_core.ingest.journal import open_journal

_INTERRUPTED = 130
"""What a shell says of a command ended by Ctrl-C."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", epilog="Example: mingying import /media/cd --data /srv/mingying")(import_)


def import_(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Folders, files, ZIP archives, DICOMDIR.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import DICOM into the archive. Safe to repeat: what is there already is counted, not stored again.

    An import that was stopped in any way goes on where it was when the command is given again.
    """
    with running_services(data) as services:
        code = services.settings.hospital.institution_code
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        kept = open_journal(
            services.settings.data / "imports.sqlite", institution_code=code, reads=services.database.reads
        )
        with (
            kept as journal,
            Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress,
        ):
            task = progress.add_task("importing", total=None)
            try:
                report = import_paths(
                    paths,
                    services.ingestor,
                    institution_code=code,
                    progress=lambda done, known: progress.update(task, completed=done, total=known),
                    journal=journal,
                )
            except KeyboardInterrupt:
                err.print("stopped; the same command goes on from here")
                raise typer.Exit(_INTERRUPTED) from None
        with services.database.writing() as session:
            detail = {"files": report.files, "stored": report.stored, "failed": len(report.failed)}
            actor = Actor("system", "command line", code)
            record(session, actor, "import", object_kind="folder", object_id="-", now=services.clock(), detail=detail)
    if as_json:
        print_json(asdict(report))
    else:
        out.print(
            f"{report.files} files: {report.stored} stored, {report.already} already here, "
            f"{report.conflicts} in conflict, {report.quarantined} in quarantine, {len(report.failed)} failed"
            + (f"; {report.skipped} of them were done in an earlier run" if report.skipped else "")
        )
        for failed in report.failed[:50]:
            err.print(f"  {failed.file}: {failed.reason}", markup=False)
    if report.failed or report.quarantined or report.conflicts:
        raise typer.Exit(1)
