"""Proving that every byte of a backup is there and unchanged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from api.backup import layout
from api.backup.errors import BackupDamaged, NoBackup

FaultKind = Literal["missing", "changed"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what it was."""

    file: str
    fault: FaultKind


@dataclass(frozen=True, slots=True)
class Verified:
    """One backup; `about` is None when even that cannot be read."""

    name: str
    files: int
    about: layout.About | None
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether it can be brought back."""
        return self.about is not None and not self.faults


def verify_backups(folder: Path, *, name: str | None = None, progress: layout.Progress) -> list[Verified]:
    """Read every file of all backups in a folder, or of one; a blob that several share is read once.

    Raises:
        NoBackup: there is no complete backup.
    """
    if not folder.is_dir():
        raise NoBackup(f"there is no folder {folder}")
    wanted = [layout.chosen(folder, name)] if name else layout.names(folder) or [layout.chosen(folder, None)]
    lists = {item: _listed(folder, item) for item in wanted}
    files = {pair for pairs, _ in lists.values() for pair in pairs}
    known: dict[tuple[str, str], FaultKind | None] = {}
    for done, (digest, file) in enumerate(sorted(files, key=lambda pair: pair[1]), 1):
        known[digest, file] = _fault(folder / file, digest)
        progress(done, len(files))
    return [_verified(folder, item, pairs, fault, known) for item, (pairs, fault) in lists.items()]


def read_about(folder: Path, name: str) -> layout.About:
    """Return what a backup says of itself, once its list and the files beside the database prove whole.

    Raises:
        BackupDamaged: they do not.
    """
    pairs, fault = _listed(folder, name)
    small = [(digest, file) for digest, file in pairs if file.startswith(f"{layout.SNAPSHOTS}/")]
    broken = [Fault(file, found) for digest, file in small if (found := _fault(folder / file, digest))]
    faults = [*([fault] if fault else []), *broken]
    about = _about(folder, name)
    if faults or about is None:
        what = f"{faults[0].file} is {faults[0].fault}" if faults else f"{layout.ABOUT} cannot be read"
        raise BackupDamaged(f"backup {name} is damaged: {what}")
    return about


def _listed(folder: Path, name: str) -> tuple[list[tuple[str, str]], Fault | None]:
    """Return the list of a backup, and what is wrong with the list itself."""
    place = f"{layout.SNAPSHOTS}/{name}"
    try:
        seal = list(layout.read_sums(folder / place / layout.SEAL))
    except FileNotFoundError:
        return [], Fault(f"{place}/{layout.SEAL}", "missing")
    except ValueError:
        return [], Fault(f"{place}/{layout.SEAL}", "changed")
    sums = f"{place}/{layout.SUMS}"
    if len(seal) != 1 or seal[0][1] != sums:
        return [], Fault(f"{place}/{layout.SEAL}", "changed")
    if fault := _fault(folder / sums, seal[0][0]):
        return [], Fault(sums, fault)
    try:
        return list(layout.read_sums(folder / sums)), None
    except ValueError:  # not ours, though somebody summed it
        return [], Fault(sums, "changed")


def _verified(
    folder: Path,
    name: str,
    pairs: list[tuple[str, str]],
    fault: Fault | None,
    known: dict[tuple[str, str], FaultKind | None],
) -> Verified:
    faults = [Fault(file, found) for digest, file in pairs if (found := known[digest, file])]
    return Verified(name, len(pairs), _about(folder, name), (*([fault] if fault else []), *faults))


def _about(folder: Path, name: str) -> layout.About | None:
    try:
        text = (folder / layout.SNAPSHOTS / name / layout.ABOUT).read_text(encoding="utf-8")
        return layout.About.model_validate_json(text)
    except (OSError, ValueError):
        return None


def _fault(path: Path, digest: str) -> FaultKind | None:
    try:
        return None if layout.sum_of(path) == digest else "changed"
    except FileNotFoundError:
        return "missing"
