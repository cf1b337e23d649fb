"""Importing what lies on a disk: files, folders, ZIP archives, DICOMDIR.

Importing again what was imported is harmless, so an interrupted run is resumed by running it again; with a journal it
does not even read again what is done. What is no DICOM is attached to its study as a document, where somebody takes
documents.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, Protocol, cast

from imaging_core.dicom.directory import is_dicomdir, referenced_files
from imaging_core.dicom.preamble import has_dicm_mark, looks_like_dataset
from imaging_core.documents.errors import DocumentTypeRefused
from imaging_core.documents.importing import Attached
from imaging_core.documents.naming import LARGEST_LIST, Told, read_list
from imaging_core.errors import ImagingError
from imaging_core.ingest.journal import Fingerprint, ImportJournal, Line, fingerprint_of
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult
from imaging_core.ingest.zipped import ZipBudget, ZipEntry, ZipLimits, ZipRefused, is_zip, open_entries

_SNIFFED: Final = 1024
_SPOOLED: Final = 8 * 1024 * 1024
Progress = Callable[[int, int], None]
"""Called with the number of files done and of files known so far; the second grows when a ZIP is opened."""


class StoresInstances(Protocol):
    """What the import needs of an `Ingestor`."""

    def store_instance(self, content: BinaryIO, *, institution_code: str, origin: Origin) -> StoreResult:
        """Take in one instance."""
        ...


class TakesDocuments(Protocol):
    """What the import needs of a `DocumentImporter`."""

    def attach(self, name: str, content: BinaryIO, size: int, told: Told | None) -> Attached | None:
        """Attach a file to its study; None when it is no document."""
        ...


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that was not taken in, and why. `file` is its path; inside a ZIP `archive.zip!entry`."""

    file: str
    reason_code: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """Counts of an import; `files` is the sum of all outcomes.

    `skipped` of them were done in an earlier run, `documents` are no DICOM and were attached now.
    """

    files: int = 0
    stored: int = 0
    already: int = 0
    conflicts: int = 0
    quarantined: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    skipped: int = 0
    documents: int = 0
    waiting: list[FailedFile] = field(default_factory=list)
    """Documents in quarantine, and why."""


def import_paths(
    paths: Iterable[Path],
    ingestor: StoresInstances,
    *,
    institution_code: str,
    run: str = "folder",
    progress: Progress = lambda _done, _known: None,
    zip_limits: ZipLimits = ZipLimits(),  # noqa: B008  # frozen
    journal: ImportJournal | None = None,
    documents: TakesDocuments | None = None,
) -> ImportReport:
    """Import files, folders with all below them, ZIP archives and DICOMDIRs with the files they name.

    A file that is neither DICOM nor a document is reported as failed and left where it is; one that is DICOM but cannot
    be read, or a document without a study, goes to quarantine. No file stops the others. A CSV that names the studies
    of the files beside it (`documents.naming`) is heeded, not imported. What the `journal` knows as done is counted and
    not read.
    """
    origin = Origin(Channel.IMPORT, run)
    return _Import(ingestor, institution_code, origin, progress, zip_limits, journal, documents).run(paths)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file or an entry of an archive: its name for people, and its name and mark in the journal."""

    name: str
    key: str
    mark: Fingerprint

    def entry(self, entry: ZipEntry) -> "_Source":
        """Return an entry of this archive."""
        return _Source(f"{self.name}!{entry.name}", f"{self.key}!{entry.name}", Fingerprint(entry.size, entry.checksum))


class _Import:
    """One run of `import_paths`."""

    def __init__(
        self,
        ingestor: StoresInstances,
        institution_code: str,
        origin: Origin,
        progress: Progress,
        zip_limits: ZipLimits,
        journal: ImportJournal | None,
        documents: TakesDocuments | None,
    ) -> None:
        self._ingestor = ingestor
        self._institution_code = institution_code
        self._origin = origin
        self._progress = progress
        self._zip_limits = zip_limits
        self._journal = journal
        self._documents = documents
        self._told: dict[str, Told] = {}
        """By key: what a list says of a file that has not been met yet."""
        self._report = ImportReport()
        self._known = 0

    def run(self, paths: Iterable[Path]) -> ImportReport:
        files = list(dict.fromkeys(file for path in paths for file in _files_below(path)))
        files = [file for file in files if not self._heed_list_on_disk(file)]
        self._known = len(files)
        seen = set(files)
        for file in files:
            for named in self._import_file(file):
                if named not in seen:
                    seen.add(named)
                    self._known += 1
                    self._import_file(named)
        for key in self._told:
            self._fail(key, "named_file_missing", "a list names this file, but it is not there")
        return self._report

    def _import_file(self, file: Path) -> list[Path]:
        """Import one file; return the files it names when it is a DICOMDIR."""
        try:
            with file.open("rb") as content:
                first = content.read(_SNIFFED)
                if is_dicomdir(first):
                    return self._named_by(file)
                status = os.fstat(content.fileno())
                mark = fingerprint_of(content, size=status.st_size, changed=status.st_mtime_ns)
                source = _Source(str(file), str(file.absolute()), mark)
                if is_zip(first):
                    self._import_zip(source, content, ZipBudget(self._zip_limits))
                else:
                    self._import_content(source, first, content)
        except OSError as error:
            self._fail(str(file), "not_readable", f"the file cannot be read: {error.strerror}")
        return []

    def _named_by(self, dicomdir: Path) -> list[Path]:
        self._known -= 1  # the list itself is no instance
        try:
            return referenced_files(dicomdir)
        except ImagingError as error:
            self._fail(str(dicomdir), "bad_dicomdir", str(error))
            return []

    def _import_zip(self, source: _Source, content: BinaryIO, budget: ZipBudget) -> int | None:
        """Import the entries of an archive; return how many have a line in the journal, None when some have none."""
        self._known -= 1  # counted by its entries
        if self._journal and (lines := self._journal.done_below(source.key, source.mark)) is not None:
            self._known += len(lines)
            for line in lines:
                self._told.pop(line.file, None)
                self._skip(line)
            return len(lines)
        noted: list[int | None] = []
        try:
            with open_entries(content, budget) as found:
                entries = [
                    entry for entry in found if not self._heed_list(source.entry(entry).key, entry.open, entry.size)
                ]
                self._known += len(entries)
                noted += [self._import_entry(source.entry(entry), entry, budget) for entry in entries]
        except ZipRefused as refused:
            self._fail(source.name, refused.reason_code, str(refused))
            return None
        counts = [count for count in noted if count is not None]
        if len(counts) < len(noted):
            return None
        if self._journal:
            self._journal.note_whole(source.key, source.mark, entries=sum(counts))
        return sum(counts)

    def _import_entry(self, source: _Source, entry: ZipEntry, budget: ZipBudget) -> int | None:
        if self._skipped(source):
            return 1
        try:
            with entry.open() as content:
                first = content.read(_SNIFFED)
            if is_dicomdir(first):
                self._known -= 1  # all entries are read anyway
                return 0
            with entry.open() as content:
                if is_zip(first):
                    return self._import_zip(source, content, budget.nested())
                return self._store(source, first, content)
        except ZipRefused as refused:
            self._fail(source.name, refused.reason_code, str(refused))
            return None

    def _import_content(self, source: _Source, first: bytes, content: BinaryIO) -> None:
        if not self._skipped(source):
            self._store(source, first, content)

    def _skipped(self, source: _Source) -> bool:
        line = self._journal.done(source.key, source.mark) if self._journal else None
        if line is not None:
            self._told.pop(source.key, None)
            self._skip(line)
        return line is not None

    def _skip(self, line: Line) -> None:
        self._report.skipped += 1
        self._count(
            StoreOutcome.QUARANTINED if line.outcome is StoreOutcome.QUARANTINED else StoreOutcome.ALREADY_STORED
        )

    def _store(self, source: _Source, first: bytes, content: BinaryIO) -> int | None:
        told = self._told.pop(source.key, None)
        if not has_dicm_mark(first) and not looks_like_dataset(first):
            return self._attach(source, content, told)
        try:
            result = self._ingestor.store_instance(
                content, institution_code=self._institution_code, origin=self._origin
            )
        except ImagingError as error:
            self._fail(source.name, getattr(error, "reason_code", "not_stored"), str(error))
            return None
        if self._journal:
            self._journal.note(Line(source.key, result.digest, result.outcome), source.mark)
        self._count(result.outcome)
        return 1

    def _attach(self, source: _Source, content: BinaryIO, told: Told | None) -> int | None:
        if self._documents is None:
            self._fail(source.name, "not_dicom", "not DICOM")
            return None
        try:
            with tempfile.SpooledTemporaryFile(_SPOOLED) as spool:
                if not hasattr(content, "seek"):  # an entry of an archive; its size is within the budget
                    shutil.copyfileobj(content, spool, _SPOOLED)
                    content = cast(BinaryIO, spool)
                attached = self._documents.attach(PurePosixPath(source.key).name, content, source.mark.size, told)
        except ImagingError as error:
            code = f"document_{error.reason}" if isinstance(error, DocumentTypeRefused) else "document_too_large"
            self._fail(source.name, code, str(error))
            return None
        if attached is None:
            self._fail(source.name, "not_dicom", "neither DICOM nor a document")
            return None
        if attached.reason_code:
            # without a line in the journal: once the study is there, the next run attaches it
            self._report.waiting.append(FailedFile(source.name, attached.reason_code, attached.reason))
            self._count(StoreOutcome.QUARANTINED)
            return None
        outcome = StoreOutcome.STORED if attached.new else StoreOutcome.ALREADY_STORED
        if self._journal:
            self._journal.note(Line(source.key, attached.digest, outcome), source.mark)
        self._report.documents += 1
        self._count(outcome)
        return 1

    def _heed_list_on_disk(self, file: Path) -> bool:
        try:
            return self._heed_list(str(file.absolute()), lambda: file.open("rb"), file.stat().st_size)
        except OSError:
            return False  # the import of the file itself will say so

    def _heed_list(self, key: str, opened: Callable[[], BinaryIO], size: int) -> bool:
        """Keep what a CSV says of the files beside it; return whether it is such a list."""
        if self._documents is None or not key.lower().endswith(".csv") or size > LARGEST_LIST:
            return False
        with opened() as content:
            told = read_list(content.read(LARGEST_LIST))
        if told is None:
            return False
        archive, _, inside = key.rpartition("!")
        for name, one in told.items():
            beside = str(PurePosixPath(inside).parent / name)
            self._told[f"{archive}!{beside}" if archive else beside] = one
        return True

    def _count(self, outcome: StoreOutcome) -> None:
        report = self._report
        match outcome:
            case StoreOutcome.STORED:
                report.stored += 1
            case StoreOutcome.ALREADY_STORED:
                report.already += 1
            case StoreOutcome.CONFLICT_KEPT:
                report.conflicts += 1
            case StoreOutcome.QUARANTINED:
                report.quarantined += 1
        self._done()

    def _fail(self, file: str, reason_code: str, reason: str) -> None:
        self._report.failed.append(FailedFile(file, reason_code, reason))
        self._done()

    def _done(self) -> None:
        self._report.files += 1
        self._known = max(self._known, self._report.files)
        self._progress(self._report.files, self._known)


def _files_below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        for name in sorted(names):
            yield Path(folder) / name
