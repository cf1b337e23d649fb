"""The DICOM files of the demo hospital, made once into a cache folder.

A study's folder is named by everything its files depend on: its words, its size and the code that draws it. It
appears under its name only when it is whole, so an interrupted build leaves nothing half made.
"""

import hashlib
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2

from api.demo.errors import DemoBuildFailed
from api.demo.hospital import DemoHospital, Phantom, load_hospital
from api.demo.recipes import Scale, make
from imaging_core.phantoms.part10 import StudyHeader

Progress = Callable[[str, int, int], None]
"""Told the study that is ready, how many are and how many there are."""

_MARKER = "complete.json"
# Longest first, so that two processes end at about the same time. What stands together shares a volume.
_BATCHES: Sequence[Collection[Phantom]] = (
    (Phantom.CHEST_CT_FIRST, Phantom.CHEST_RADIOGRAPH),
    (Phantom.CHEST_CT_SECOND,),
    (Phantom.CHEST_CT_NORMAL,),
    (Phantom.HEAD_MR, Phantom.ECHO, Phantom.ECG, Phantom.ENDOSCOPY, Phantom.MICROSCOPY),
)


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """A study whose files are ready."""

    key: str
    patient_id: str
    accession_number: str
    study_instance_uid: str
    modality: str
    folder: Path
    files: int
    bytes: int

    def paths(self) -> list[Path]:
        """Return the DICOM files in the order of their names."""
        return sorted(self.folder.glob("*.dcm"))


@dataclass(frozen=True, slots=True)
class _Job:
    key: str
    phantom: Phantom
    header: StudyHeader
    patient_id: str
    modality: str
    folder: Path


def build_demo_files(
    out: Path,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
    *,
    scale: Scale = Scale.FULL,
    hospital: DemoHospital | None = None,
    processes: int = 2,
) -> list[DemoStudy]:
    """Make what is missing of the demo's DICOM files under `out` and return every study, in the hospital's order.

    Safe to repeat and to run twice at once. `only` names studies by their key. With `processes` 1 everything happens
    in the calling process. Folders of these studies with other content (an older version) are removed.

    Raises:
        DemoBuildFailed: a study could not be made; the finished ones stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(out, hospital or load_hospital(), scale, only)
    missing = [job for job in jobs if not (job.folder / _MARKER).exists()]
    done = len(jobs) - len(missing)
    for batch in _build(_batches(missing), scale, processes):
        for job in batch:
            done += 1
            if progress:
                progress(job.key, done, len(jobs))
    _remove_old(out, jobs)
    return [_ready(job) for job in jobs]


def _jobs(out: Path, hospital: DemoHospital, scale: Scale, only: Collection[str] | None) -> list[_Job]:
    code = _code_digest()
    jobs = []
    for patient, exam in hospital.exams():
        if only is not None and exam.key not in only:
            continue
        header = hospital.study_header(patient, exam)
        digest = hashlib.sha256(f"{code}|{scale}|{exam.phantom}|{header}".encode()).hexdigest()[:16]
        folder = out / f"{exam.key}.{scale}.{digest}"
        jobs.append(_Job(exam.key, exam.phantom, header, patient.patient_id, exam.modality, folder))
    return jobs


def _code_digest() -> str:
    """Digest of the code that draws and writes, so that a changed phantom is drawn again."""
    digest = hashlib.sha256()
    sources = [*files("imaging_core.phantoms").iterdir(), files("api.demo").joinpath("recipes.py")]
    for source in sorted(sources, key=lambda item: item.name):
        if source.name.endswith(".py"):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _batches(missing: Sequence[_Job]) -> list[list[_Job]]:
    batches = [[job for job in missing if job.phantom in together] for together in _BATCHES]
    return [batch for batch in batches if batch]


def _build(batches: Sequence[Sequence[_Job]], scale: Scale, processes: int) -> Iterator[Sequence[_Job]]:
    """Make the batches and yield each when it is ready."""
    if processes < 2 or len(batches) < 2:
        for batch in batches:
            _make_batch(batch, scale)
            yield batch
        return
    # Fresh processes: a forked one would inherit the threads and sockets of the service.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(batches)), mp_context=context, initializer=_one_thread) as pool:
        running = {pool.submit(_make_batch, batch, scale): batch for batch in batches}
        for future in as_completed(running):
            future.result()
            yield running[future]


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _make_batch(batch: Sequence[_Job], scale: Scale) -> None:
    """Make the studies of a batch beside their folders, then move them into place."""
    partials = [Path(tempfile.mkdtemp(prefix=f".{job.key}.", dir=job.folder.parent)) for job in batch]
    try:
        make([(job.phantom, job.header, partial) for job, partial in zip(batch, partials, strict=True)], scale)
        for job, partial in zip(batch, partials, strict=True):
            _publish(partial, job.folder)
    except (OSError, MemoryError) as error:
        raise DemoBuildFailed(batch[0].key, str(error) or type(error).__name__) from error
    finally:
        for partial in partials:
            shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, folder: Path) -> None:
    made = list(partial.glob("*.dcm"))
    marker = {"files": len(made), "bytes": sum(path.stat().st_size for path in made)}
    (partial / _MARKER).write_text(json.dumps(marker), encoding="utf-8")
    partial.chmod(0o755)
    if folder.is_dir() and not (folder / _MARKER).exists():
        shutil.rmtree(folder)  # somebody took files away
    try:
        partial.replace(folder)
    except OSError:
        # Another build was faster; its files are the same.
        if not (folder / _MARKER).exists():
            raise


def _remove_old(out: Path, jobs: Sequence[_Job]) -> None:
    current = {job.folder.name for job in jobs}
    for job in jobs:
        prefix = job.folder.name.rpartition(".")[0] + "."
        for folder in out.glob(f"{prefix}*"):
            if folder.name not in current:
                shutil.rmtree(folder, ignore_errors=True)


def _ready(job: _Job) -> DemoStudy:
    marker = json.loads((job.folder / _MARKER).read_text(encoding="utf-8"))
    return DemoStudy(
        key=job.key,
        patient_id=job.patient_id,
        accession_number=job.header.accession_number,
        study_instance_uid=job.header.study_instance_uid,
        modality=job.modality,
        folder=job.folder,
        files=marker["files"],
        bytes=marker["bytes"],
    )
