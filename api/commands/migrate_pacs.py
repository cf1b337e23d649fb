"""`mingying migrate --from`: the studies of an old PACS, fetched, counted against it, and a report."""

import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from api.audit.record import Actor, record
from api.commands.common import err, fail, out, print_json, running_services, wrong_use
from api.commands.remotes import remote_named
from api.dicom_network import peers
from api.messages.migration import report_json, report_text
from api.settings import Settings
from api.wiring import Services
from imaging_core.errors import ImagingError
from imaging_core.ingest import Channel, Origin
from imaging_core.network.migration import Dates, Migration, MigrationReport
from imaging_core.network.peers import Peers, Right
from imaging_core.network.remote import Remote, RemoteFailed
from imaging_core.network.statuses import status_of_error, status_of_outcome
from imaging_core.network.throttle import Hours, Throttle

_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    source: str
    dates: str | None
    hours: str | None
    per_hour: int | None
    get: bool
    report: Path | None


def migrate_pacs(data: Path | None, asked: Asked, *, as_json: bool) -> None:
    """Run one migration and write its report; status 1 when not everything is here."""
    dates, hours = _dates(asked.dates), _hours(asked.hours)
    with running_services(data) as services:
        remote = remote_named(services.settings, asked.source)
        if not asked.get:
            _require_a_door(services.settings, remote)
        try:
            remote.echo()
        except RemoteFailed as error:
            fail(str(error))
        columns = (TextColumn("studies"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("studies", total=None)
            migration = Migration(
                remote=remote,
                source=f"{remote.peer.ae_title}@{remote.peer.host}:{remote.peer.port}",
                institution_code=remote.peer.institution_code,
                reads=services.database.reads,
                writes=services.database.writes,
                fetch=partial(_get if asked.get else _move, services, remote),
                throttle=Throttle(hours, asked.per_hour),
                clock=services.clock,
                progress=lambda done, known: progress.update(task, completed=done, total=known),
            )
            report = migration.run(dates)
        _note(services, report)
        folder = asked.report or services.settings.data / "migration"
    text_file = _write(folder, report)
    if as_json:
        print_json(report_json(report))
    else:
        out.print(report_text(report), markup=False)
        out.print(f"Report: {text_file}", markup=False)
    if not report.whole:
        raise typer.Exit(1)


def _move(services: Services, remote: Remote, study_instance_uid: str) -> object:
    keys = {"StudyInstanceUID": study_instance_uid}
    return remote.move("STUDY", keys, services.settings.dicom.ae_title)


def _get(services: Services, remote: Remote, study_instance_uid: str) -> object:
    def keep(content: object) -> int:
        try:
            result = services.ingestor.store_instance(
                content,  # type: ignore[arg-type]  # a stream of bytes
                institution_code=remote.peer.institution_code,
                origin=Origin(Channel.CSTORE, remote.peer.ae_title),
            )
        except ImagingError as error:
            return status_of_error(error)
        return status_of_outcome(result.outcome)

    return remote.get("STUDY", {"StudyInstanceUID": study_instance_uid}, keep)


def _require_a_door(settings: Settings, remote: Remote) -> None:
    """By C-MOVE its images come to our listener: there it must be known, and may store."""
    title = remote.peer.ae_title
    known = Peers(peers(settings)).get(title)
    if known is None or not known.may(Right.STORE):
        wrong_use(f"{title} may not store here: add it to dicom.calling_ae_titles or dicom.peers, or use --get")


def _note(services: Services, report: MigrationReport) -> None:
    with services.database.writing() as session:
        record(
            session,
            Actor("system", "command line", services.settings.hospital.institution_code),
            "dicom.migrated",
            object_kind="peer",
            object_id=report.source,
            now=services.clock(),
            detail={
                "found": report.found,
                "complete": report.complete,
                "not_complete": len(report.not_complete),
                "days_not_listed": len(report.days_not_listed),
            },
        )


def _write(folder: Path, report: MigrationReport) -> Path:
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    name = f"migration-{report.began:%Y%m%dT%H%M%S}"
    (folder / f"{name}.json").write_bytes(orjson.dumps(report_json(report), option=orjson.OPT_INDENT_2))
    text = folder / f"{name}.txt"
    text.write_text(report_text(report), encoding="utf-8")
    return text


def _dates(text: str | None) -> Dates | None:
    if text is None:
        return None
    first, dots, last = text.partition("..")
    try:
        dates = Dates(date.fromisoformat(first), date.fromisoformat(last if dots else first))
    except ValueError:
        wrong_use(f"--dates {text}: write FIRST..LAST, e.g. 2015-01-01..2020-12-31")
    if dates.first > dates.last:
        wrong_use(f"--dates {text}: the first day is after the last")
    return dates


def _hours(text: str | None) -> Hours | None:
    if text is None:
        return None
    match = _HOURS.fullmatch(text)
    if match is None or not all(int(hour) <= 24 for hour in match.groups()):
        wrong_use(f"--hours {text}: write FROM-TO in full hours, e.g. 20-06")
    return Hours(int(match[1]) % 24, int(match[2]) % 24)
