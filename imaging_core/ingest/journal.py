"""What imports of this machine have done, so that one that was killed goes on where it stopped.

A file of its own beside the data, not a table of the index: paths are those of the machine that imports. A line is
written after the archive has answered, so it never promises more than is kept; one that is lost costs reading a file
again.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.documents.tables import DocumentRow
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.ingest.results import StoreOutcome

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS done (
    institution_code TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, stamp TEXT NOT NULL,
    digest TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (institution_code, file)
) WITHOUT ROWID
"""
_PROBED: Final = 1024
_WHOLE: Final = "archive"
"""Outcome of an archive all of whose entries have lines of their own; in place of a digest it has their number."""
Holds = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How a file is recognised without reading all of it (`fingerprint_of`)."""

    size: int
    stamp: str


def fingerprint_of(content: BinaryIO, *, size: int, changed: int) -> Fingerprint:
    """Return the fingerprint of a file that can be sought in; `changed` is its time of change in nanoseconds.

    Its beginning and end count too: discs from one burner carry equal names, sizes and even times, but the beginning
    of a DICOM file holds its UID, and the end of a ZIP archive its check sums.
    """
    seen = hashlib.sha256(f"{size} {changed} ".encode())
    for start in (0, max(0, size - _PROBED)):
        content.seek(start)
        seen.update(content.read(_PROBED))
    content.seek(0)
    return Fingerprint(size, seen.hexdigest())


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one file."""

    file: str
    digest: str
    outcome: StoreOutcome


class ImportJournal:
    """The lines of one institution. `holds` tells whether the archive still keeps what a line speaks of."""

    def __init__(self, path: Path, *, institution_code: str, holds: Holds) -> None:
        self._institution_code = institution_code
        self._holds = holds
        self._lines = sqlite3.connect(path, isolation_level=None, timeout=30)
        # no flush for each line: after a power loss the last ones are missing, and their files are read again
        self._lines.execute("PRAGMA journal_mode=WAL")
        self._lines.execute("PRAGMA synchronous=NORMAL")
        self._lines.execute(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def done(self, file: str, fingerprint: Fingerprint) -> Line | None:
        """Return what became of a file that has not changed since and whose bytes the archive keeps."""
        found = self._find(file, fingerprint)
        if found is None or found[1] == _WHOLE or not self._holds(found[0]):
            return None
        return Line(file, found[0], StoreOutcome(found[1]))

    def done_below(self, archive: str, fingerprint: Fingerprint) -> list[Line] | None:
        """Return what became of the entries of an archive that was taken in whole; None if any is missing."""
        found = self._find(archive, fingerprint)
        if found is None or found[1] != _WHOLE:
            return None
        rows = self._lines.execute(
            "SELECT file, digest, outcome FROM done WHERE institution_code = ? AND file > ? AND file < ?"
            " AND outcome != ? ORDER BY file",
            # "!" parts an archive from its entry, '"' is the character after it
            (self._institution_code, f"{archive}!", f'{archive}"', _WHOLE),
        )
        lines = [Line(file, digest, StoreOutcome(outcome)) for file, digest, outcome in rows]
        # another number: lines of an earlier archive of this name are among them
        return lines if len(lines) == int(found[0]) and all(self._holds(line.digest) for line in lines) else None

    def note(self, line: Line, fingerprint: Fingerprint) -> None:
        """Write down what became of a file, after the archive has answered."""
        self._write(line.file, fingerprint, line.digest, str(line.outcome))

    def note_whole(self, archive: str, fingerprint: Fingerprint, *, entries: int) -> None:
        """Write down that every entry of an archive has its line, with those of archives in it."""
        self._write(archive, fingerprint, str(entries), _WHOLE)

    def _find(self, file: str, fingerprint: Fingerprint) -> tuple[str, str] | None:
        row: tuple[str, str] | None = self._lines.execute(
            "SELECT digest, outcome FROM done WHERE institution_code = ? AND file = ? AND size = ? AND stamp = ?",
            (self._institution_code, file, fingerprint.size, fingerprint.stamp),
        ).fetchone()
        return row

    def _write(self, file: str, fingerprint: Fingerprint, digest: str, outcome: str) -> None:
        self._lines.execute(
            "INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?)",
            (self._institution_code, file, fingerprint.size, fingerprint.stamp, digest, outcome),
        )


@contextmanager
def open_journal(path: Path, *, institution_code: str, reads: sessionmaker[Session]) -> Iterator[ImportJournal]:
    """Open the journal of one institution, made where it is missing.

    A line counts only while the index knows the bytes: not after a restore of an older index, nor after disposal.
    """

    def holds(digest: str) -> bool:
        with reads() as session:
            for table in (InstanceRow, QuarantineRow, DocumentRow):
                kept = select(table.id).where(table.institution_code == institution_code, table.blob_digest == digest)
                if session.execute(kept.limit(1)).first():
                    return True
        return False

    journal = ImportJournal(path, institution_code=institution_code, holds=holds)
    try:
        yield journal
    finally:
        journal.close()
