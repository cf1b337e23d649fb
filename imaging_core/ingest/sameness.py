"""Whether arriving bytes are an instance that is here already (decisions/002-same-instance.md)."""

from typing import BinaryIO, Final, cast

from imaging_core.blobs import BlobFile, BlobStore
from imaging_core.dicom.header import InstanceHeader
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.errors import BlobMissing
from imaging_core.ingest.filing import Known

_PIECE: Final = 1024 * 1024


def is_same(blobs: BlobStore, known: Known, header: InstanceHeader, content: BinaryIO, size: int, digest: str) -> bool:
    """Return whether a known revision has the same data set as the arriving content.

    Only the bytes behind the file meta information count, for each sender and library writes that anew. They are
    compared themselves: resends are rare, and a second digest of every instance would cost all the others.
    """
    if known.ref.digest == digest:
        return True
    if known.transfer_syntax_uid != header.transfer_syntax_uid:
        return False
    kept = BlobFile(blobs, known.ref)
    try:
        offset = find_start(cast(BinaryIO, kept), known.ref.size, Limits()).dataset_offset
        if known.ref.size - offset != size - header.dataset_offset:
            return False
        kept.seek(offset)
        content.seek(header.dataset_offset)
        while piece := content.read(_PIECE):
            if kept.read(len(piece)) != piece:
                return False
    except BlobMissing:
        return False  # what the disk lost is kept anew, as a further revision, and a person looks
    return True
