"""Making a backup of a running installation."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from api.audit.record import Actor, record
from api.backup import layout
from api.backup.databases import Copied, copy_database, engine_of
from api.backup.errors import NothingToBackUp, PlaceTaken
from api.processes.system import force_to_disk, lock
from api.processes.upkeep import UpkeepBusy, upkeep
from api.secrets import fingerprints, keys_file
from api.settings import Settings
from api.wiring import Services
from imaging_core.blobs import BlobRef, BlobStore, FilesystemBlobStore
from imaging_core.blobs.filesystem import ref_of
from imaging_core.blobs.opened import Pieces
from imaging_core.errors import BlobMissing


@dataclass(frozen=True, slots=True)
class Created:
    """What was made. `absent` are digests of blobs that the installation itself has lost or holds damaged."""

    name: str
    blobs: int
    copied: int
    blob_bytes: int
    absent: tuple[str, ...]


def require_installation(settings: Settings) -> None:
    """Check, before anything is opened, that there is something to back up: opening would make what is missing.

    Raises:
        NothingToBackUp: a new folder, or one without keys.
    """
    if not keys_file(settings.data).exists():
        raise NothingToBackUp(f"there is no installation in {settings.data}: its keys are missing")


def create_backup(services: Services, folder: Path, *, progress: layout.Progress) -> Created:
    """Copy database, blobs, settings and audit anchor into a folder; keys are not among them.

    Blobs that an earlier backup in the folder holds are not copied again.

    Raises:
        BackupError: nothing was made.
    """
    _require_place(services.settings, folder)
    now = services.clock()
    for place in (folder, folder / layout.SNAPSHOTS, folder / layout.BLOBS):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder), _undisturbed(services.settings.data), _partial(folder / layout.SNAPSHOTS) as partial:
        # before the database: the anchor may say less than the chain is long, never more
        for name in layout.BESIDE_THE_DATABASE:
            if (services.settings.data / name).exists():
                shutil.copyfile(services.settings.data / name, partial / name)
        copied = copy_database(services.settings.database, partial)
        blobs = _Blobs(services.blobs, FilesystemBlobStore(folder / layout.BLOBS))
        blobs.copy(copied.blobs, progress)
        name = _name(folder, now)
        _seal(partial, name, _about(services, copied, blobs, now), blobs)
        partial.rename(folder / layout.SNAPSHOTS / name)
        force_to_disk(folder / layout.SNAPSHOTS)
    created = Created(name, len(blobs.kept), blobs.copied, blobs.bytes, tuple(sorted(blobs.absent)))
    with services.database.writing() as session:
        actor = Actor("system", "command line", services.settings.hospital.institution_code)
        detail = {"blobs": created.blobs, "absent": len(created.absent)}
        record(session, actor, "backup.created", object_kind="backup", object_id=name, now=now, detail=detail)
    return created


class _Blobs:
    """What has been copied so far."""

    def __init__(self, source: BlobStore, target: FilesystemBlobStore) -> None:
        self._source = source
        self._target = target
        self.kept: list[BlobRef] = []
        self.absent: list[str] = []
        self.copied = 0
        self.bytes = 0

    def copy(self, wanted: list[BlobRef], progress: layout.Progress) -> None:
        by_digest = {ref.digest: ref for ref in wanted}
        progress(0, len(by_digest))
        for done, digest in enumerate(sorted(by_digest), 1):
            self._copy_one(by_digest[digest])
            progress(done, len(by_digest))

    def _copy_one(self, ref: BlobRef) -> None:
        target = ref_of(ref.digest, ref.size)
        if not self._target.exists(target):
            try:
                stored = self._target.put(cast(BinaryIO, Pieces(self._source.read(ref))))
            except BlobMissing:
                self.absent.append(ref.digest)
                return
            if stored.digest != ref.digest:  # it decayed where it lay
                self.absent.append(ref.digest)
                return
            self.copied += 1
        self.kept.append(target)
        self.bytes += ref.size


def _require_place(settings: Settings, folder: Path) -> None:
    if folder.resolve().is_relative_to(settings.data.resolve()):
        raise PlaceTaken("a backup inside the data folder is lost with it: choose a folder on another disk")
    if folder.exists() and not folder.is_dir():
        raise PlaceTaken(f"{folder} is no folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / layout.SNAPSHOTS).is_dir():
        raise PlaceTaken(f"{folder} holds other things: choose a new folder, or one that backups were made in before")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("ab") as file:
        try:
            lock(file)
        except OSError:
            raise PlaceTaken(f"another backup is being made in {folder}") from None
        yield


@contextmanager
def _undisturbed(data: Path) -> Iterator[None]:
    """Nothing that the copied database names is disposed of or moved before it is copied."""
    try:
        with upkeep(data):
            yield
    except UpkeepBusy as busy:
        raise PlaceTaken(str(busy)) from None


@contextmanager
def _partial(snapshots: Path) -> Iterator[Path]:
    for left in snapshots.glob(f"{layout.PARTIAL}*"):
        shutil.rmtree(left)
    partial = snapshots / f"{layout.PARTIAL}{os.getpid()}"
    partial.mkdir(mode=0o700)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # gone already when it was finished


def _name(folder: Path, now: datetime) -> str:
    stem, taken = now.strftime("%Y%m%dT%H%M%SZ"), set(layout.names(folder))
    names = (f"{stem}-{number}" if number > 1 else stem for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _about(services: Services, copied: Copied, blobs: _Blobs, now: datetime) -> layout.About:
    return layout.About.model_validate(
        {
            "format": layout.FORMAT,
            "created_at": now,
            "revision": copied.revision,
            "engine": engine_of(services.settings.database),
            "database": copied.file,
            "blob_store": "s3" if services.settings.blobs.s3_bucket else "disk",
            "blobs": len(blobs.kept),
            "blob_bytes": blobs.bytes,
            "keys": fingerprints(keys_file(services.settings.data)),
            "absent": sorted(blobs.absent),
        }
    )


def _seal(partial: Path, name: str, about: layout.About, blobs: _Blobs) -> None:
    (partial / layout.ABOUT).write_text(about.model_dump_json(indent=1) + "\n", encoding="utf-8")
    place = f"{layout.SNAPSHOTS}/{name}"
    sums = [(layout.sum_of(path), f"{place}/{path.name}") for path in sorted(partial.iterdir())]
    sums += [(ref.digest, f"{layout.BLOBS}/{ref.locator}") for ref in blobs.kept]
    layout.write_sums(partial / layout.SUMS, sums)
    layout.write_sums(partial / layout.SEAL, [(layout.sum_of(partial / layout.SUMS), f"{place}/{layout.SUMS}")])
    for path in partial.iterdir():
        path.chmod(0o600)  # names of patients are in it, passwords of servers may be
        force_to_disk(path)
    force_to_disk(partial)
