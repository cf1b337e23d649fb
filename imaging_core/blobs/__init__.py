"""Where received bytes are kept: the `BlobStore` port and its adapters (filesystem, S3, memory)."""

from imaging_core.blobs.filesystem import FilesystemBlobStore
from imaging_core.blobs.memory import MemoryBlobStore
from imaging_core.blobs.opened import BlobFile
from imaging_core.blobs.port import BlobRef, BlobStore
from imaging_core.blobs.s3 import S3BlobStore, S3Location

__all__ = ["BlobFile", "BlobRef", "BlobStore", "FilesystemBlobStore", "MemoryBlobStore", "S3BlobStore", "S3Location"]
