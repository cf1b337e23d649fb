"""`mingying dicom echo|query|send`: other DICOM machines, asked and sent to from here."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.audit.record import Actor, record
from api.commands.common import (
    DataOption,
    JsonOption,
    err,
    fail,
    load_settings,
    out,
    print_json,
    running_services,
    wrong_use,
)
from api.commands.remotes import remote_named
from imaging_core.network.remote import RemoteFailed

app = typer.Typer(no_args_is_help=True)

PeerArgument = Annotated[str, typer.Argument(metavar="AE@HOST:PORT", help="Or the AE title of a peer of the settings.")]


class Level(StrEnum):
    """What is looked for."""

    STUDY = "study"
    SERIES = "series"
    IMAGE = "image"


_SHOWN = {
    Level.STUDY: ("StudyDate", "ModalitiesInStudy", "PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID"),
    Level.SERIES: ("Modality", "SeriesNumber", "SeriesInstanceUID", "StudyInstanceUID"),
    Level.IMAGE: ("InstanceNumber", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"),
}


@app.command(epilog="Example: mingying dicom echo OLDPACS@10.1.2.3:104")
def echo(peer: PeerArgument, data: DataOption = None) -> None:
    """Ask a machine whether it is there and knows us (C-ECHO)."""
    try:
        remote_named(load_settings(data), peer).echo()
    except RemoteFailed as error:
        fail(str(error))
    out.print("It answers.")


@app.command(
    epilog="Example: mingying dicom query OLDPACS@10.1.2.3:104 -k PatientID=123 -k StudyDate=20200101-20201231"
)
def query(
    peer: PeerArgument,
    key: Annotated[list[str], typer.Option("-k", metavar="KEYWORD=VALUE", help="A DICOM keyword; may be repeated.")],
    level: Level = Level.STUDY,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a machine what it has (C-FIND, study root)."""
    keys = dict.fromkeys(_SHOWN[level], "")
    for pair in key:
        keyword, equals, value = pair.partition("=")
        if not equals or not keyword.isalnum():
            wrong_use(f"-k {pair}: write KEYWORD=VALUE, e.g. PatientID=123")
        keys[keyword] = value
    with running_services(data) as services:
        remote = remote_named(services.settings, peer)
        try:
            found = list(remote.find(level.upper(), keys))
        except RemoteFailed as error:
            fail(str(error))
        except ValueError as error:
            wrong_use(f"-k: {error}")
        actor = Actor("system", "command line", services.settings.hospital.institution_code)
        with services.database.writing() as session:
            record(
                session,
                actor,
                "dicom.queried",
                object_kind="peer",
                object_id=remote.peer.ae_title,
                now=services.clock(),
                detail={"level": str(level), "found": len(found)},
            )
    if as_json:
        print_json(found)
        return
    for item in found:
        out.print("  ".join(item[name] or "-" for name in keys), markup=False)
    err.print(f"{len(found)} found", markup=False)


@app.command(epilog="Example: mingying dicom send OLDPACS@10.1.2.3:104 /media/cd")
def send(
    peer: PeerArgument,
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send DICOM files to a machine, each as it is (C-STORE)."""
    files = [
        file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()
    ]
    failed: list[tuple[Path, str]] = []

    def sent(file: Path, reason: str) -> None:
        if reason:
            failed.append((file, reason))

    with running_services(data) as services:
        remote = remote_named(services.settings, peer)
        try:
            remote.store(files, sent)
        except RemoteFailed as error:
            fail(str(error))
        actor = Actor("system", "command line", services.settings.hospital.institution_code)
        with services.database.writing() as session:
            record(
                session,
                actor,
                "dicom.sent",
                object_kind="peer",
                object_id=remote.peer.ae_title,
                now=services.clock(),
                detail={"files": len(files), "failed": len(failed)},
            )
    if as_json:
        reasons = [{"file": str(file), "reason": reason} for file, reason in failed]
        print_json({"files": len(files), "sent": len(files) - len(failed), "failed": reasons})
    else:
        out.print(f"{len(files) - len(failed)} of {len(files)} files sent")
        for file, reason in failed[:50]:
            err.print(f"  {file}: {reason}", markup=False)
    if failed:
        raise typer.Exit(1)
