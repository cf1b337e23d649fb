"""Importing what lies on a disk: files, folders, ZIP archives, DICOMDIR.

Importing again what was imported is harmless, so an interrupted run is resumed by running it again.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from imaging_core.dicom.directory import is_dicomdir, referenced_files
from imaging_core.dicom.preamble import has_dicm_mark, looks_like_dataset
from imaging_core.errors import ImagingError
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult
from imaging_core.ingest.zipped import ZipBudget, ZipLimits, ZipRefused, is_zip, open_entries

_SNIFFED: Final = 1024
Progress = Callable[[int, int], None]
"""Called with the number of files done and of files known so far; the second grows when a ZIP is opened."""


class StoresInstances(Protocol):
    """What the import needs of an `Ingestor`."""

    def store_instance(self, content: BinaryIO, *, institution_code: str, origin: Origin) -> StoreResult:
        """Take in one instance."""
        ...


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that was not taken in, and why. `file` is its path; inside a ZIP `archive.zip!entry`."""

    file: str
    reason_code: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """Counts of an import; `files` is the sum of all outcomes."""

    files: int = 0
    stored: int = 0
    already: int = 0
    conflicts: int = 0
    quarantined: int = 0
    failed: list[FailedFile] = field(default_factory=list)


def import_paths(
    paths: Iterable[Path],
    ingestor: StoresInstances,
    *,
    institution_code: str,
    run: str = "folder",
    progress: Progress = lambda _done, _known: None,
    zip_limits: ZipLimits = ZipLimits(),  # noqa: B008  # frozen
) -> ImportReport:
    """Import files, folders with all below them, ZIP archives and DICOMDIRs with the files they name.

    A file that is not DICOM is reported as failed and left where it is; one that is DICOM but cannot be read
    goes to quarantine. No file stops the others.
    """
    origin = Origin(Channel.IMPORT, run)
    return _Import(ingestor, institution_code, origin, progress, zip_limits).run(paths)


class _Import:
    """One run of `import_paths`."""

    def __init__(
        self,
        ingestor: StoresInstances,
        institution_code: str,
        origin: Origin,
        progress: Progress,
        zip_limits: ZipLimits,
    ) -> None:
        self._ingestor = ingestor
        self._institution_code = institution_code
        self._origin = origin
        self._progress = progress
        self._zip_limits = zip_limits
        self._report = ImportReport()
        self._known = 0

    def run(self, paths: Iterable[Path]) -> ImportReport:
        files = list(dict.fromkeys(file for path in paths for file in _files_below(path)))
        self._known = len(files)
        seen = set(files)
        for file in files:
            for named in self._import_file(file):
                if named not in seen:
                    seen.add(named)
                    self._known += 1
                    self._import_file(named)
        return self._report

    def _import_file(self, file: Path) -> list[Path]:
        """Import one file; return the files it names when it is a DICOMDIR."""
        try:
            with file.open("rb") as content:
                first = content.read(_SNIFFED)
                if is_dicomdir(first):
                    return self._named_by(file)
                if is_zip(first):
                    self._import_zip(str(file), content, ZipBudget(self._zip_limits))
                    return []
                content.seek(0)
                self._store(str(file), first, content)
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

    def _import_zip(self, name: str, content: BinaryIO, budget: ZipBudget) -> None:
        self._known -= 1  # counted by its entries
        try:
            with open_entries(content, budget) as entries:
                self._known += len(entries)
                for entry in entries:
                    self._import_entry(f"{name}!{entry.name}", entry.open, budget)
        except ZipRefused as refused:
            self._fail(name, refused.reason_code, str(refused))

    def _import_entry(self, name: str, opened: Callable[[], BinaryIO], budget: ZipBudget) -> None:
        try:
            with opened() as content:
                first = content.read(_SNIFFED)
            if is_dicomdir(first):
                self._known -= 1  # all entries are read anyway
                return
            with opened() as content:
                if is_zip(first):
                    self._import_zip(name, content, budget.nested())
                else:
                    self._store(name, first, content)
        except ZipRefused as refused:
            self._fail(name, refused.reason_code, str(refused))

    def _store(self, name: str, first: bytes, content: BinaryIO) -> None:
        if not has_dicm_mark(first) and not looks_like_dataset(first):
            self._fail(name, "not_dicom", "not DICOM")
            return
        try:
            result = self._ingestor.store_instance(
                content, institution_code=self._institution_code, origin=self._origin
            )
        except ImagingError as error:
            self._fail(name, getattr(error, "reason_code", "not_stored"), str(error))
            return
        report = self._report
        match result.outcome:
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
