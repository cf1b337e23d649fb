"""Where derived objects lie: one folder a study, and one small file in it that says which of them are current."""

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

_CURRENT: Final = "current.json"
_ABANDONED_AFTER_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class CurrentSet:
    """The current derived objects of a study: manifest version, pack names in series order, series briefs."""

    version: str
    through: int
    packs: list[str]
    series: list[dict[str, Any]]


class DerivedStore:
    """Derived objects in a folder. Everything in it may be deleted at any time and is made again.

    Names come from digests, never from received UIDs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def study_folder(self, institution_code: str, study_instance_uid: str) -> Path:
        """Return the folder of a study, which may not exist."""
        digest = hashlib.sha256(f"{institution_code}/{study_instance_uid}".encode()).hexdigest()
        return self._root / digest[:2] / digest[:40]

    def prepare(self, folder: Path) -> None:
        """Make a study's folder, and remove from it what a killed or overtaken run left a day ago."""
        folder.mkdir(parents=True, exist_ok=True)
        current = self.current(folder)
        used = {folder / _CURRENT}
        if current is not None:
            used |= {self.pack_path(folder, name) for name in current.packs}
            used.add(self.manifest_path(folder, current.version))
        for path in folder.iterdir():
            with suppress(OSError):
                if path not in used and time.time() - path.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                    path.unlink()

    def current(self, folder: Path) -> CurrentSet | None:
        """Return what is current in a study's folder, None when nothing was derived or it was evicted."""
        try:
            return CurrentSet(**orjson.loads((folder / _CURRENT).read_bytes()))
        except FileNotFoundError:
            return None

    def stamp(self, folder: Path) -> tuple[int, int] | None:
        """Return something that differs whenever `current` does."""
        try:
            found = (folder / _CURRENT).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def pack_path(self, folder: Path, name: str) -> Path:
        """Return where a pack lies."""
        return folder / f"{name}.pack"

    def manifest_path(self, folder: Path, version: str) -> Path:
        """Return where a manifest lies."""
        return folder / f"{version}.manifest.json.gz"

    def put_manifest(self, folder: Path, version: str, content: bytes) -> None:
        """Keep a manifest that is not current yet."""
        _write_whole(self.manifest_path(folder, version), content)

    def publish(self, folder: Path, current: CurrentSet) -> None:
        """Make a set current in one step, then delete what only the one before it used."""
        before = self.current(folder)
        fields = {name: getattr(current, name) for name in CurrentSet.__slots__}
        _write_whole(folder / _CURRENT, orjson.dumps(fields))
        if before is None:
            return
        # only what was current before: packs of a later set may be there already and not be published yet
        stale = [self.pack_path(folder, name) for name in before.packs if name not in current.packs]
        if before.version != current.version:
            stale.append(self.manifest_path(folder, before.version))
        for path in stale:
            with suppress(OSError):  # on Windows a file that is being served cannot be deleted
                path.unlink()

    def evict(self, institution_code: str, study_instance_uid: str) -> int:
        """Delete the derived objects of a study; return how many bytes that freed."""
        folder = self.study_folder(institution_code, study_instance_uid)
        if not folder.is_dir():
            return 0
        # first what makes the rest visible
        (folder / _CURRENT).unlink(missing_ok=True)
        freed = sum(file.stat().st_size for file in folder.iterdir())
        shutil.rmtree(folder, ignore_errors=True)
        return freed


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
