"""Where received bytes are kept: the `BlobStore` port and its adapters (segments on disk, S3, memory)."""

from imaging_core.blobs.filesystem import FilesystemBlobStore
from imaging_core.blobs.memory import MemoryBlobStore
from imaging_core.blobs.opened import BlobFile
from imaging_core.blobs.port import About, BlobRef, BlobStore, Bytes, FilePart, NewBlob
from imaging_core.blobs.replicated import Copy, ReplicatedBlobStore, WhenDown
from imaging_core.blobs.s3 import S3BlobStore, S3Location
from imaging_core.blobs.segments.store import SegmentBlobStore

__all__ = [
    "About",
    "BlobFile",
    "BlobRef",
    "BlobStore",
    "Bytes",
    "Copy",
    "FilePart",
    "FilesystemBlobStore",
    "MemoryBlobStore",
    "NewBlob",
    "ReplicatedBlobStore",
    "S3BlobStore",
    "S3Location",
    "SegmentBlobStore",
    "WhenDown",
]
