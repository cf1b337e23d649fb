"""An archive in a temporary folder: database with its tables, blobs and the way in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

import imaging_core.patients.tables
import imaging_core.reports.tables
import imaging_core.sharing.tables  # noqa: F401  # the tables register themselves
from api.db.engine import Database
from imaging_core.blobs import BlobRef, BlobStore, FilePart, MemoryBlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.index.base import Base
from imaging_core.ingest import Channel, Ingestor, Origin, StoreResult

INSTITUTION = "12340000TEST000001"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = Origin(Channel.STOW, "test")


@dataclass(frozen=True)
class Archive:
    """Database, blobs and ingestor that belong together."""

    database: Database
    blobs: BlobStore
    ingestor: Ingestor

    def store(self, *contents: bytes, institution_code: str = INSTITUTION) -> Sequence[StoreResult]:
        """Store instances one after another."""
        return [
            self.ingestor.store_instance(BytesIO(content), institution_code=institution_code, origin=ORIGIN)
            for content in contents
        ]


def open_archive(url: str, blobs: BlobStore | None = None, limits: Limits | None = None) -> Archive:
    """Open an archive on a database and make its tables where they are missing."""
    database = Database.open(url)
    Base.metadata.create_all(database.engine)
    blobs = blobs if blobs is not None else MemoryBlobStore()
    ingestor = Ingestor(
        blobs, reads=database.reads, writes=database.writes, limits=limits or Limits(), clock=lambda: NOON
    )
    return Archive(database, blobs, ingestor)


def placed(store: BlobStore, ref: BlobRef) -> FilePart:
    """Return where the bytes lie in a local file; they must lie in one."""
    place = store.place(ref)
    assert place is not None
    return place
