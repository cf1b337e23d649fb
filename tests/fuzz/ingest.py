"""Fuzz target: a file of a stranger on its whole way in, into an archive on SQLite, and what is read of it afterwards.

Driven by its regressions in `tests/unit/imaging_core/ingest/test_fuzzed.py`, by atheris with `tests.fuzz.run`.
"""

import atexit
import shutil
import tempfile
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path

from imaging_core.blobs import BlobRef
from imaging_core.dicom.json_model import DatasetBytes, json_model
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.syntaxes import encoding_of
from imaging_core.errors import DamagedDicom, InstanceTooLarge, LimitExceeded, NotDicom
from imaging_core.ingest import StoreOutcome
from tests.builders.archive import Archive, open_archive

LIMITS = Limits(
    instance_bytes=1024 * 1024, sequence_depth=8, elements=20_000, text_bytes=2048, inflated_bytes=4 * 1024 * 1024
)
_FILES_AN_ARCHIVE = 2000
"""Then a new one is begun, so that an hour's run does not fill the memory."""
_received = count()


def receive(received: bytes) -> StoreOutcome | None:
    """Store a file twice and read its attributes; return what became of it, None when it was refused for its size.

    Raises:
        AssertionError: The archive broke one of its promises. Anything else raised is a finding, too.
    """
    archive = _archive(next(_received) // _FILES_AN_ARCHIVE)
    try:
        [result] = archive.store(received)
    except InstanceTooLarge:
        assert len(received) > LIMITS.instance_bytes
        return None
    digest = sha256(received).hexdigest()
    if result.outcome is StoreOutcome.ALREADY_STORED:
        assert result.sop_instance_uid
        assert not result.reason
    else:
        assert b"".join(archive.blobs.read(BlobRef(digest, len(received), digest))) == received
    filed = result.outcome is not StoreOutcome.QUARANTINED
    assert filed is bool(result.study_instance_uid and result.series_instance_uid and result.sop_class_uid)
    assert filed is not bool(result.reason_code and result.reason)
    again = archive.store(received)[0]
    assert again.outcome is (StoreOutcome.ALREADY_STORED if filed else StoreOutcome.QUARANTINED)
    if filed:
        _attributes(received)
    return result.outcome


def _attributes(received: bytes) -> None:
    """What was filed has its attributes told, or refused in the words made for it."""
    try:
        start = find_start(BytesIO(received), len(received), LIMITS)
        encoding = encoding_of(start.transfer_syntax_uid)
        if not encoding.deflated:
            dataset = DatasetBytes(
                before=received[start.dataset_offset :],
                start=start.dataset_offset,
                explicit_vr=start.explicit_vr,
                little_endian=encoding.little_endian,
            )
            json_model(dataset, LIMITS, address="https://x/")
    except (NotDicom, DamagedDicom, LimitExceeded):
        return


@lru_cache(maxsize=1)
def _archive(number: int) -> Archive:
    folder = Path(tempfile.mkdtemp(prefix="mingying-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_archive(f"sqlite:///{folder / f'{number}.sqlite'}", limits=LIMITS)
