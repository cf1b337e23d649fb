"""`Ingestor.store_instance`: bytes first, then one short transaction, then the answer."""

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO, Final, cast

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobFile, BlobRef, BlobStore
from imaging_core.dicom.header import InstanceHeader, read_header
from imaging_core.dicom.limits import Limits
from imaging_core.errors import DamagedDicom, IndexBusy, LimitExceeded, NotDicom
from imaging_core.ingest.filing import Arrival, file_instance, quarantine
from imaging_core.ingest.reading import WatchedStream
from imaging_core.ingest.results import Origin, StoreResult

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 12
# PostgreSQL: serialization failure, deadlock detected, lock not available
_RETRIED_SQLSTATES: Final = frozenset({"40001", "40P01", "55P03"})


class Ingestor:
    """The one way in. Threads and processes may share a database and a blob store.

    Args:
        blobs: Where the received bytes go.
        sessions: Opens sessions that write; on SQLite they must begin IMMEDIATE.
        limits: What one instance may ask of us.
        clock: Gives the aware time of receipt.
    """

    def __init__(
        self, blobs: BlobStore, sessions: sessionmaker[Session], limits: Limits, clock: Callable[[], datetime]
    ) -> None:
        self._blobs = blobs
        self._sessions = sessions
        self._limits = limits
        self._clock = clock

    def store_instance(self, content: BinaryIO, *, institution_code: str, origin: Origin) -> StoreResult:
        """Take in one instance, read to the end of `content`.

        When this returns, bytes and index rows are durable: only now may a sender hear of success.
        Whatever can be kept is kept, if need be in quarantine; only what exceeds a limit in size is not.

        Raises:
            InstanceTooLarge: More bytes than allowed; nothing is kept.
            StorageFull: No room; nothing is kept.
            IndexBusy: The bytes are kept but not indexed; the sender must try again.
        """
        watched = WatchedStream(content, self._limits)
        ref = self._blobs.put(cast(BinaryIO, watched), limit=self._limits.instance_bytes)
        arrival = Arrival(institution_code, origin, ref, watched.dataset_digest, self._clock())
        header = self._read_header(ref, watched.head)
        if isinstance(header, InstanceHeader):
            result = self._retry(lambda session: file_instance(session, header, arrival))
        else:
            reason_code, reason = header.reason_code, str(header)
            result = self._retry(lambda session: quarantine(session, reason_code, reason, arrival))
        log.info(
            "instance received",
            extra={
                "outcome": str(result.outcome),
                "sop_instance_uid": result.sop_instance_uid,
                "bytes": ref.size,
                "channel": str(origin.channel),
                "reason_code": result.reason_code,
            },
        )
        return result

    def _read_header(self, ref: BlobRef, head: bytes) -> InstanceHeader | NotDicom | DamagedDicom | LimitExceeded:
        try:
            return read_header(cast(BinaryIO, BlobFile(self._blobs, ref, head)), ref.size, self._limits)
        except (NotDicom, DamagedDicom, LimitExceeded) as refusal:
            return refusal

    def _retry(self, work: Callable[[Session], StoreResult]) -> StoreResult:
        """Run one transaction; again when another writer was first, so that its result is seen."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._sessions.begin() as session:
                    return work(session)
            except DBAPIError as error:
                if not _passes_by_itself(error):
                    raise
            # jitter: writers that collided once must not collide in step again
            time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311  # no secret
        raise IndexBusy(_ATTEMPTS)


def _passes_by_itself(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True
    if getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
