"""`mingying dicom echo|query|send`: other DICOM machines, asked and sent to from here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
from api.wiring import Services
from imaging_core.dicom.limits import Limits
from imaging_core.network.matching import matching_instances
from imaging_core.network.remote import Remote, RemoteFailed
from imaging_core.network.sending import Sender

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
    paths: Annotated[list[Path] | None, typer.Argument(exists=True, help="Files and folders.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="UID of a study of the archive; may be repeated.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send files, or studies of the archive, to a machine, each instance as it is where it is taken so (C-STORE)."""
    if bool(paths) == bool(study):
        wrong_use("give files and folders, or --study")
    tally = _Tally()
    with running_services(data) as services:
        remote = remote_named(services.settings, peer)
        try:
            if study:
                _send_studies(services, remote, study, tally)
            else:
                remote.store(_files(paths or []), lambda file, reason: tally.note(str(file), reason))
        except RemoteFailed as error:
            fail(str(error))
        finally:
            _note_sending(services, remote, tally, study or [])
    if as_json:
        reasons = [{"file": name, "reason": reason} for name, reason in tally.failed]
        print_json({"files": tally.tried, "sent": tally.tried - len(tally.failed), "failed": reasons})
    else:
        out.print(f"{tally.tried - len(tally.failed)} of {tally.tried} instances sent")
        for name, reason in tally.failed[:50]:
            err.print(f"  {name}: {reason}", markup=False)
    if tally.failed:
        raise typer.Exit(1)


@dataclass(slots=True)
class _Tally:
    """What was tried, and what was not taken."""

    tried: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def note(self, name: str, reason: str) -> None:
        self.tried += 1
        if reason:
            self.failed.append((name, reason))


def _files(paths: Sequence[Path]) -> list[Path]:
    several = (sorted(path.rglob("*")) if path.is_dir() else [path] for path in paths)
    return [file for files in several for file in files if file.is_file()]


def _send_studies(services: Services, remote: Remote, studies: Sequence[str], tally: _Tally) -> None:
    with services.database.reading() as session:
        found = matching_instances(session, remote.peer.institution_code, {"StudyInstanceUID": list(studies)})
    if missing := set(studies) - {item.study_instance_uid for item in found}:
        fail(f"not in the archive: {', '.join(sorted(missing))}")
    limits = Limits(instance_bytes=services.settings.limits.instance_bytes)
    remote.send(Sender(services.blobs, services.retrieval.decoding, limits), found, tally.note)


def _note_sending(services: Services, remote: Remote, tally: _Tally, studies: Sequence[str]) -> None:
    with services.database.writing() as session:
        record(
            session,
            Actor("system", "command line", services.settings.hospital.institution_code),
            "dicom.sent",
            object_kind="study" if len(studies) == 1 else "peer",
            object_id=studies[0] if len(studies) == 1 else remote.peer.ae_title,
            now=services.clock(),
            detail={
                "to": remote.peer.ae_title,
                "instances": tally.tried,
                "failed": len(tally.failed),
                "studies": len(studies),
            },
        )
