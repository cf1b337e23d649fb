"""A data set as received over the network, in the form of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.writing import file_meta
from imaging_core.errors import DamagedDicom
from imaging_core.ingest.reading import Chained


@contextmanager
def received_file(
    spooled: Path, *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str
) -> Iterator[BinaryIO]:
    """Yield the spooled data set behind our own file meta information, each of its bytes as it was received.

    `spooled` is a file whose own file meta information is left out: equal data sets must give equal files,
    whatever library received them.
    """
    meta = file_meta(
        sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid, transfer_syntax_uid=transfer_syntax_uid
    )
    with spooled.open("rb") as file:
        try:
            offset = find_start(file, spooled.stat().st_size, Limits()).dataset_offset
        except DamagedDicom:
            offset = spooled.stat().st_size  # the data set has fewer than eight bytes
        file.seek(offset)
        yield cast(BinaryIO, Chained(BytesIO(meta), file))
