"""Bringing studies in from folders."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.audit.record import Actor, record
from api.commands.common import DataOption, JsonOption, err, out, print_json, running_services
from imaging_core.documents.importing import DocumentImporter
from imaging_core.documents.naming import Told
from imaging_core.documents.slides import SlideReader, slides_are_read
from imaging_core.ingest.folder import import_paths
from imaging_core.ingest.journal import open_journal

if TYPE_CHECKING:
    from api.wiring import Services

_INTERRUPTED = 130
"""What a shell says of a command ended by Ctrl-C."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", epilog="Example: mingying import /media/cd --data /srv/mingying")(import_)


@contextmanager
def document_importer(services: "Services", institution_code: str, told: Told) -> Iterator[DocumentImporter]:
    """Yield what attaches files that are no DICOM; slides only where their library is installed."""
    with ExitStack() as stack:
        slides = stack.enter_context(SlideReader(services.blobs)) if slides_are_read() else None
        yield DocumentImporter(
            blobs=services.blobs,
            writes=services.database.writes,
            institution_code=institution_code,
            shown_bytes=services.settings.limits.document_bytes,
            instance_bytes=services.settings.limits.instance_bytes,
            clock=services.clock,
            slides=slides,
            told=told,
        )


def import_(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Folders, files, ZIP archives, DICOMDIR.")],
    study: Annotated[str, typer.Option("--study", help="Study Instance UID for files that are no DICOM.")] = "",
    accession: Annotated[str, typer.Option("--accession", help="Accession number for files that are no DICOM.")] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import DICOM into the archive, and beside it PDF, pictures, videos, slides and electrocardiograms.

    Safe to repeat: what is there already is counted, not stored again.

    What is no DICOM belongs to the study that is told here, in a CSV beside it (file, accession_number) or by the
    accession number in its name. An import that was stopped goes on where it was when the command is given again.
    """
    with running_services(data) as services:
        code = services.settings.hospital.institution_code
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        kept = open_journal(
            services.settings.data / "imports.sqlite", institution_code=code, reads=services.database.reads
        )
        with (
            kept as journal,
            document_importer(services, code, Told(study, accession)) as taker,
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
                    documents=taker,
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
        for failed in (*report.failed, *report.waiting)[:50]:
            err.print(f"  {failed.file}: {failed.reason}", markup=False)
    if report.failed or report.quarantined or report.conflicts:
        raise typer.Exit(1)
