"""Bringing a backup back into an empty folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, cast

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import select, update

from api.audit.record import Actor, record
from api.backup import layout
from api.backup.databases import bring_back, engine_of, move_blobs, require_empty
from api.backup.errors import BackupDamaged, KeysDoNotFit, PlaceTaken, SettingsDoNotFit
from api.backup.verify import read_about
from api.db.migrate import alembic_config, migrate
from api.jobs import DERIVE, owe
from api.processes.system import force_to_disk
from api.secrets import fingerprints, keys_file
from api.settings import Settings
from api.wiring import Services, build_services
from imaging_core.blobs import BlobRef, FilesystemBlobStore
from imaging_core.blobs.filesystem import ref_of
from imaging_core.blobs.opened import Pieces
from imaging_core.errors import BlobMissing
from imaging_core.index.tables import InstanceRow, StudyRow

_STAGE = ".restoring"
_DATABASE = "index.sqlite"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back. `studies` get their pictures anew once the worker runs."""

    name: str
    blobs: int
    studies: int


def restore_backup(
    folder: Path, data: Path, *, keys: Path | None, name: str | None, progress: layout.Progress
) -> Restored:
    """Bring a backup, by default the newest, back into an empty data folder, with this version's tables.

    Everything is written into a folder of its own in `data` and moved into place at the end: when this is
    cut off, no half installation starts.

    Raises:
        BackupError: nothing was brought back.
    """
    name = layout.chosen(folder, name)
    about = read_about(folder, name)
    _require_revision(about)
    with _stage(data) as stage:
        snapshot = folder / layout.SNAPSHOTS / name
        for file in layout.BESIDE_THE_DATABASE:
            if (snapshot / file).exists():
                shutil.copyfile(snapshot / file, stage / file)
                (stage / file).chmod(0o600)
        _place_keys(about, keys, stage)
        settings = Settings.load(stage)
        _require_same_kind(about, settings)
        require_empty(settings.database)
        services = build_services(settings)
        try:
            blobs = _bring_blobs(folder, name, services, progress)
            bring_back(settings.database, snapshot / about.database)
            migrate(settings.database)
            _note_places(services, blobs)
            studies = _owe_pictures(services, name)
        finally:
            services.close()
        _move(stage, data)
    return Restored(name, len(blobs), studies)


def _require_revision(about: layout.About) -> None:
    try:
        ScriptDirectory.from_config(alembic_config("")).get_revision(about.revision)
    except CommandError:
        raise SettingsDoNotFit(
            f"the backup was made by a newer version (tables {about.revision}): install that version first"
        ) from None


@contextmanager
def _stage(data: Path) -> Iterator[Path]:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    stage = data / _STAGE
    there = [path.name for path in data.iterdir() if path != stage]
    if there:
        raise PlaceTaken(f"{data} is not empty ({there[0]}): a backup is brought back into an empty folder only")
    shutil.rmtree(stage, ignore_errors=True)  # of a restore that was cut off
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _place_keys(about: layout.About, given: Path | None, stage: Path) -> None:
    target = keys_file(stage)
    if target.exists():  # MINGYING_KEYS_FILE names a place outside
        if given is not None:
            raise PlaceTaken(f"MINGYING_KEYS_FILE already holds keys ({target}): leave --keys out")
    elif given is None:
        raise KeysDoNotFit("the keys are not in the backup: name their copy with --keys FILE")
    else:
        shutil.copyfile(given, target)
        target.chmod(0o600)
    held = fingerprints(target)
    for kind, generations in about.keys.items():
        for number, fingerprint in generations.items():
            if held[kind].get(number) != fingerprint:
                raise KeysDoNotFit(f"these are not the keys of this backup: {kind} {number} is another one")


def _require_same_kind(about: layout.About, settings: Settings) -> None:
    if engine_of(settings.database) != about.engine:
        remedy = "let MINGYING_DATABASE_URL name an empty one" if about.engine == "postgresql" else "unset it"
        raise SettingsDoNotFit(f"the backup is of a {about.engine} database: {remedy} (MINGYING_DATABASE_URL)")
    if (about.blob_store == "s3") != bool(settings.blobs.s3_bucket):
        raise SettingsDoNotFit(f"the backup is of blobs on {about.blob_store}: set MINGYING_BLOBS__S3_BUCKET likewise")


def _bring_blobs(folder: Path, name: str, services: Services, progress: layout.Progress) -> list[BlobRef]:
    source = FilesystemBlobStore(folder / layout.BLOBS)
    pairs = layout.read_sums(folder / layout.SNAPSHOTS / name / layout.SUMS)
    digests = [digest for digest, file in pairs if file.startswith(f"{layout.BLOBS}/")]
    progress(0, len(digests))
    brought = []
    for done, digest in enumerate(digests, 1):
        path = folder / layout.BLOBS / ref_of(digest, 0).locator
        try:
            ref = ref_of(digest, path.stat().st_size)
            stored = services.blobs.put(cast(BinaryIO, Pieces(source.read(ref))))
        except (FileNotFoundError, BlobMissing):
            raise BackupDamaged(f"backup {name} is damaged: {layout.BLOBS}/{digest} is missing") from None
        if stored.digest != digest:
            raise BackupDamaged(f"backup {name} is damaged: {layout.BLOBS}/{digest} is changed")
        brought.append(stored)
        progress(done, len(digests))
    return brought


def _note_places(services: Services, blobs: list[BlobRef]) -> None:
    """Tell the index where the bytes lie now, and the store which of them are instances."""
    with services.database.writing() as session:
        move_blobs(session.connection(), blobs)
    with services.database.reading() as session:
        for row in session.scalars(select(InstanceRow).execution_options(yield_per=1000)):
            about = {
                "institution_code": row.institution_code,
                "received_from": row.received_from,
                "received_at": row.received_at.isoformat(),
            }
            services.blobs.note(services.blob_ref(row), about)


def _owe_pictures(services: Services, name: str) -> int:
    """Have all pictures made anew, newest studies first, and write down that the installation was brought back."""
    now, count = services.clock(), 0
    with services.database.writing() as session:
        session.execute(update(StudyRow).values(manifest_version=None, derived_through=0))
        newest_first = select(StudyRow.institution_code, StudyRow.study_instance_uid).order_by(StudyRow.id.desc())
        for count, (code, study) in enumerate(session.execute(newest_first).all(), 1):
            due = now + timedelta(microseconds=count)
            owe(session, kind=DERIVE, institution_code=code, subject=study, due_at=due)
        actor = Actor("system", "command line", services.settings.hospital.institution_code)
        record(session, actor, "backup.restored", object_kind="backup", object_id=name, now=now)
    return count


def _move(stage: Path, data: Path) -> None:
    # the database last: without it nothing was brought back, with it everything
    for path in sorted(stage.iterdir(), key=lambda path: path.name.startswith(_DATABASE)):
        path.replace(data / path.name)
    force_to_disk(data)
