"""Ways out: QIDO-RS and WADO-RS on a CT series among some hundred small studies."""

import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import pydicom
from pydicom.uid import generate_uid

from bench.archive_target import Archive, Measured, Reader, measured, side_by_side
from bench.demo_study import demo_study
from bench.errors import BenchError
from bench.senders import StowClient, relabelled

_CT = "chest-ct-normal"
_SMALL_STUDIES = 400
_SEED = 7
_JSON = "application/dicom+json"
_ORIGINAL = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_FRAME = 'multipart/related; type="application/octet-stream"'
_FAMILY = ("WANG", "LI", "ZHANG", "LIU", "CHEN", "YANG", "HUANG", "ZHAO", "WU", "ZHOU")
_GIVEN = ("WEI", "FANG", "NA", "MIN", "JING", "LEI", "QIANG", "YAN", "JUN", "TAO")


@dataclass(frozen=True, slots=True)
class Study:
    """The CT that is served: one series."""

    study: str
    series: str
    instances: tuple[str, ...]
    patients: tuple[str, ...]
    """Patient IDs of the small studies around it."""


def instance_path(study: Study, number: int) -> str:
    """Return the address of an instance; numbers go round."""
    return f"/studies/{study.study}/series/{study.series}/instances/{study.instances[number % len(study.instances)]}"


def fill(target: Archive) -> Study:
    """Store the CT and the small studies, the same for each archive."""
    contents = relabelled(demo_study(_CT).paths()[:108])
    headers = [pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True) for content in contents]
    small, patients = _small_studies()
    with StowClient(target.http_port, target.key) as client:
        for lot in (contents, small):
            for start in range(0, len(lot), 10):
                client.store(lot[start : start + 10])
    first = headers[0]
    instances = tuple(str(header.SOPInstanceUID) for header in headers)
    return Study(str(first.StudyInstanceUID), str(first.SeriesInstanceUID), instances, patients)


def _small_studies() -> tuple[list[bytes], tuple[str, ...]]:
    chance = random.Random(_SEED)  # noqa: S311  # the same studies for each archive
    dataset = pydicom.dcmread(demo_study(_CT).paths()[0])
    dataset.Rows = dataset.Columns = 16
    dataset.PixelData = bytes(512)
    contents, patients = [], []
    for number in range(_SMALL_STUDIES):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.PatientName = f"{chance.choice(_FAMILY)}^{chance.choice(_GIVEN)}{number}"
        dataset.PatientID = f"P{number // 2:06d}"
        dataset.StudyDate = f"2024{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        dataset.Modality = chance.choice(("CT", "MR", "DX", "US"))
        dataset.AccessionNumber = f"ACC{number:07d}"
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        contents.append(out.getvalue())
        patients.append(str(dataset.PatientID))
    return contents, tuple(patients)


@dataclass(frozen=True, slots=True)
class WayOut:
    """One kind of request, asked for on some connections. `goal` is for the ratio of the rates."""

    name: str
    goal: float | None
    paths: Callable[[Study], Sequence[str]]
    accept: str
    connections: int = 1
    gzipped: bool = False
    rows: bool = False
    """Whether the answer is a list that must not be empty."""

    def measure(self, target: Archive, study: Study) -> Measured:
        """Ask for all."""
        paths = self.paths(study)
        return measured(target, len(paths), lambda: side_by_side(self.connections, paths, partial(self._ask, target)))

    def _ask(self, target: Archive, paths: Sequence[str]) -> None:
        headers = {"Accept-Encoding": "gzip"} if self.gzipped else {}
        with Reader(target) as reader:
            for path in paths:
                body = reader.get(path, self.accept, **headers)
                if not body:
                    raise BenchError(f"{path} is empty")
        if self.rows and not json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body):
            raise BenchError(f"{paths[-1]} finds nothing")


def _instances(study: Study) -> list[str]:
    return [instance_path(study, number) for number in range(len(study.instances))]


def _of_instances(suffix: str) -> Callable[[Study], list[str]]:
    return lambda study: [path + suffix for path in _instances(study)]


def _series(suffix: str, times: int) -> Callable[[Study], list[str]]:
    return lambda study: [f"/studies/{study.study}/series/{study.series}{suffix}"] * times


def _by_patient(study: Study) -> list[str]:
    return [f"/studies?PatientID={patient}" for patient in study.patients[:100]]


def _by_week(_study: Study) -> list[str]:
    return [f"/studies?StudyDate=2024{month:02d}01-2024{month:02d}07" for month in range(1, 13)] * 2


def _by_name(_study: Study) -> list[str]:
    return [f"/studies?PatientName={quote(name)}*&limit=50" for name in _FAMILY]


def _pages(_study: Study) -> list[str]:
    return [f"/studies?limit=50&offset={50 * page}" for page in range(4)] * 3


WAYS_OUT = (
    WayOut("qido_by_id", 1.5, _by_patient, _JSON, rows=True),
    WayOut("qido_week", 4, _by_week, _JSON, rows=True),
    WayOut("qido_name_wildcard", 10, _by_name, _JSON, rows=True),
    WayOut("qido_page_of_50", 10, _pages, _JSON, rows=True),
    WayOut("qido_instances_of_a_series", 10, _series("/instances", 5), _JSON, rows=True),
    WayOut("wado_instance_1_connection", 3, _instances, _ORIGINAL),
    WayOut("wado_instance_4_connections", 3, _instances, _ORIGINAL, 4),
    WayOut("wado_frame_1_connection", 4, _of_instances("/frames/1"), _FRAME),
    WayOut("wado_frame_4_connections", 4, _of_instances("/frames/1"), _FRAME, 4),
    WayOut("wado_rendered", 2, _of_instances("/rendered"), "image/jpeg"),
    WayOut("wado_rendered_in_a_window", None, _of_instances("/rendered?window=40,400,linear"), "image/jpeg"),
    WayOut("wado_series", 1.2, _series("", 2), _ORIGINAL),
    WayOut("wado_series_metadata", 10, _series("/metadata", 5), _JSON, gzipped=True),
)
