"""The index as compaction sees it: which rows name blobs of a segment, and where they lie after it."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from imaging_core.blobs.port import BETWEEN
from imaging_core.documents.tables import DocumentRow
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.retention.tables import PendingRemovalRow

_NAMING = (InstanceRow, QuarantineRow, DocumentRow)


class IndexPlaces:
    """See `blobs.segments.compaction.Places`. `replica`: the segments are those of the second store."""

    def __init__(self, reads: sessionmaker[Session], writes: sessionmaker[Session], *, replica: bool = False) -> None:
        self._reads = reads
        self._writes = writes
        self._replica = replica

    def named(self, segment: str) -> Collection[str]:
        """Return the digests of all blobs that a row names in a segment."""
        with self._reads() as session:
            return {
                digest
                for table in _NAMING
                for digest in session.scalars(select(table.blob_digest).where(self._in(segment, table.blob_locator)))
            }

    def move(self, segment: str, *, to: str, offsets: Mapping[str, int]) -> None:
        """Let every row that names a blob in a segment name it in another one; in one transaction."""
        with self._writes.begin() as session:
            for table in _NAMING:
                naming = select(table.id, table.blob_digest, table.blob_locator).where(
                    self._in(segment, table.blob_locator)
                )
                moved = [
                    {"id": key, "blob_locator": self._moved(locator, to, offsets[digest])}
                    for key, digest, locator in session.execute(naming)
                    if digest in offsets
                ]
                if moved:
                    session.execute(update(table), moved)
            pending = select(PendingRemovalRow).where(self._in(segment, PendingRemovalRow.locator))
            for row in session.scalars(pending):
                if row.digest in offsets:
                    row.locator = self._moved(row.locator, to, offsets[row.digest])

    def _in(self, segment: str, locator: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        begins = f"segments/{segment}@"
        return locator.contains(f"{BETWEEN}{begins}") if self._replica else locator.startswith(begins)

    def _moved(self, locator: str, to: str, offset: int) -> str:
        first, between, second = locator.partition(BETWEEN)
        new = f"segments/{to}@{offset}"
        return f"{first}{between}{new}" if self._replica else f"{new}{between}{second}"
