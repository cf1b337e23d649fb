"""How fast the archive takes in, with two indexes in turn: neither gets the quieter minutes."""

import secrets
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api.db.engine import Database
from bench.errors import BenchError
from bench.index_rows import INSTITUTION
from imaging_core.blobs import SegmentBlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.writing import dicom_file
from imaging_core.ingest import Channel, Ingestor, Origin, StoreOutcome

_STUDIES: Final = 30
"""Of one round; each is a patient and comes in two series."""
_SLICES: Final = 5
_ORIGIN: Final = Origin(Channel.STOW, "bench")


def ingest_in_turn(first: str, second: str, rounds: int) -> tuple[list[float], list[float]]:
    """Take new studies into the archives of two indexes; return the instances a second of each round."""
    rates: tuple[list[float], list[float]] = ([], [])
    with ExitStack() as stack:
        ingestors = [_open(stack, url) for url in (first, second)]
        for number in range(rounds + 1):
            for ingestor, own in zip(ingestors, rates, strict=True):
                rate = _take_in(ingestor, [_study() for _ in range(_STUDIES)])
                if number:  # before, statements are compiled
                    own.append(rate)
    return rates


def _open(stack: ExitStack, url: str) -> Ingestor:
    database = Database.open(url)
    stack.callback(database.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mingying-bench-"))
    return Ingestor(
        SegmentBlobStore(Path(folder)),
        reads=database.reads,
        writes=database.writes,
        limits=Limits(),
        clock=lambda: datetime.now(UTC),
    )


def _take_in(ingestor: Ingestor, studies: Sequence[Sequence[bytes]]) -> float:
    began, stored = time.perf_counter(), 0
    for instances in studies:
        results = ingestor.store_instances(instances, institution_code=INSTITUTION, origin=_ORIGIN)
        stored += sum(result.outcome is StoreOutcome.STORED for result in results)
    took = time.perf_counter() - began
    if stored != sum(map(len, studies)):
        raise BenchError(f"only {stored} instances were stored")
    return stored / took


def _study() -> list[bytes]:
    """Return a study with UIDs that nobody has yet; its pixels are few, so that the index is what is measured."""
    uid = f"2.25.{secrets.randbits(100)}"
    return [
        dicom_file(
            {
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
                "SOPInstanceUID": f"{uid}.{series}.{number}",
                "StudyInstanceUID": uid,
                "SeriesInstanceUID": f"{uid}.{series}",
                "SpecificCharacterSet": "ISO_IR 192",
                "PatientID": uid[-12:],
                "PatientName": "测试^入库",
                "AccessionNumber": uid[-14:],
                "StudyDate": "20261031",
                "StudyTime": "120000",
                "Modality": "CT",
                "InstanceNumber": number,
                "SamplesPerPixel": 1,
                "PhotometricInterpretation": "MONOCHROME2",
                "Rows": 64,
                "Columns": 64,
                "BitsAllocated": 16,
                "BitsStored": 16,
                "HighBit": 15,
                "PixelRepresentation": 0,
                "PixelData": bytes(64 * 64 * 2),
            }
        )
        for series in (1, 2)
        for number in range(1, _SLICES + 1)
    ]
