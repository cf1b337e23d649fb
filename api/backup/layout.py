"""How a backup folder looks, and the lists of checksums in it.

```
FOLDER/blobs/ab/ab12…                received bytes, one copy for all backups
FOLDER/snapshots/20260301T120000Z/   database, settings.toml, audit-anchor, about.json,
                                     SHA256SUMS (every file of this backup), SHA256SUMS.sha256 (of that list)
FOLDER/snapshots/.partial-…          a backup that is being made, or whose making was cut off
```

The lists are those of `sha256sum`: `cd FOLDER && sha256sum -c snapshots/NAME/SHA256SUMS` proves a backup without us.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from api.backup.errors import NoBackup

SNAPSHOTS = "snapshots"
BLOBS = "blobs"
ABOUT = "about.json"
SUMS = "SHA256SUMS"
SEAL = "SHA256SUMS.sha256"
PARTIAL = ".partial-"
BESIDE_THE_DATABASE = ("settings.toml", "audit-anchor")

FORMAT: Literal[1] = 1

Progress = Callable[[int, int], None]
"""Called with how many files are done, and of how many."""


class About(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1]
    created_at: datetime
    revision: str
    """Revision of the database's tables."""
    engine: Literal["sqlite", "postgresql"]
    database: str
    """Name of the file that holds the database."""
    blob_store: Literal["disk", "s3"]
    blobs: int
    blob_bytes: int
    keys: dict[str, dict[str, str]]
    """Fingerprints of the keys without which the database cannot be read."""
    absent: tuple[str, ...] = ()
    """Digests of blobs that the installation itself had lost, or held damaged, when this was made."""


def names(folder: Path) -> list[str]:
    """Return the names of complete backups, oldest first."""
    snapshots = folder / SNAPSHOTS
    if not snapshots.is_dir():
        return []
    return sorted(path.name for path in snapshots.iterdir() if path.is_dir() and not path.name.startswith(PARTIAL))


def chosen(folder: Path, name: str | None) -> str:
    """Return the name of the wanted backup, by default the newest.

    Raises:
        NoBackup: there is none, or none of that name.
    """
    there = names(folder)
    if not there:
        raise NoBackup(f"there is no complete backup in {folder}")
    if name is None:
        return there[-1]
    if name not in there:
        raise NoBackup(f"there is no backup {name} in {folder}; there are: {', '.join(there)}")
    return name


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(path: Path, sums: Iterable[tuple[str, str]]) -> None:
    """Write a list of digests and names."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{digest}  {name}\n" for digest, name in sums)


def read_sums(path: Path) -> Iterator[tuple[str, str]]:
    """Yield digests and names of a list.

    Raises:
        ValueError: a line is none, or names a file outside the backup.
    """
    with path.open(encoding="ascii", newline="\n") as file:
        for line in file:
            digest, gap, name = line.rstrip("\n").partition("  ")
            parts = PurePosixPath(name).parts
            if not gap or not parts or ".." in parts or name.startswith("/"):
                raise ValueError(f"not a line of a list of checksums in {path.name}")
            yield digest, name
