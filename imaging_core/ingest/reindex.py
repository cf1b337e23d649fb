"""Building the index anew from the bytes, or holding it against them.

The bytes are the truth (decisions/001): what the store was told of each instance, and the headers themselves, give
all rows of studies, series and instances. What persons decided about conflicts and patients is not in the bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import About, BlobRef, BlobStore
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.ingest.results import StoreOutcome
from imaging_core.ingest.store import Ingestor

_MOST_NAMED = 1000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was found and done. `kept`: instances the store tells of, a content once for each institution."""

    kept: int
    unindexed: int
    """Of them, those the index did not name."""
    filed: int
    quarantined: int
    absent: tuple[str, ...]
    """SOP Instance UIDs of the index whose bytes the store does not hold in full; at most the first 1,000."""

    @property
    def agrees(self) -> bool:
        """Whether index and store say the same now."""
        return not self.absent and self.unindexed == self.filed + self.quarantined


def reindex(
    blobs: BlobStore,
    ingestor: Ingestor,
    reads: sessionmaker[Session],
    *,
    change: bool,
    progress: Progress = lambda _done, _all: None,
) -> Reindexed:
    """Compare the index with the store; with `change`, file what the store holds and the index does not name.

    What is found so may have been kept a moment before a crash and never acknowledged: it is whole, and a sender who
    repeats it hears that it is there.
    """
    kept: dict[tuple[str, str], tuple[BlobRef, About]] = {}
    for ref, about in blobs.instances():
        kept.setdefault((about["institution_code"], ref.digest), (ref, about))
    indexed = _indexed(reads)
    # in the order in which they came: the first content of a UID is the current one
    missing = sorted((name for name in kept if name not in indexed), key=lambda name: kept[name][1]["received_at"])
    outcomes: list[StoreOutcome] = []
    for done, name in enumerate(missing if change else (), 1):
        outcomes.append(ingestor.file_kept(*kept[name]).outcome)
        progress(done, len(missing))
    quarantined = outcomes.count(StoreOutcome.QUARANTINED)
    return Reindexed(len(kept), len(missing), len(outcomes) - quarantined, quarantined, _absent(blobs, reads))


def _indexed(reads: sessionmaker[Session]) -> set[tuple[str, str]]:
    with reads() as session:
        return {
            (code, digest)
            for table in (InstanceRow, QuarantineRow)
            for code, digest in session.execute(select(table.institution_code, table.blob_digest))
        }


def _absent(blobs: BlobStore, reads: sessionmaker[Session]) -> tuple[str, ...]:
    columns = (InstanceRow.sop_instance_uid, InstanceRow.blob_digest, InstanceRow.blob_size, InstanceRow.blob_locator)
    absent: list[str] = []
    with reads() as session:
        for uid, digest, size, locator in session.execute(select(*columns).execution_options(yield_per=1000)):
            if len(absent) < _MOST_NAMED and not blobs.exists(BlobRef(digest, size, locator)):
                absent.append(uid)
    return tuple(absent)
