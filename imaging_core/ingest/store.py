"""`Ingestor`: bytes to the disk, then their rows, then the answer; arrivals of many callers share one transaction."""

import hashlib
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import BinaryIO, Final, TypeVar, cast

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import About, BlobFile, BlobRef, BlobStore, NewBlob
from imaging_core.dicom.header import InstanceHeader, read_header
from imaging_core.dicom.limits import Limits
from imaging_core.errors import DamagedDicom, IndexBusy, InstanceTooLarge, LimitExceeded, NotDicom
from imaging_core.group_commit import GroupCommit
from imaging_core.ingest.filing import (
    Arrival,
    Instance,
    Keep,
    Known,
    Overtaken,
    Unreadable,
    file_arrivals,
    result_of,
)
from imaging_core.ingest.reading import Chained, read_up_to
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult
from imaging_core.ingest.sameness import is_same

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 12
# PostgreSQL: serialization failure, deadlock detected, lock not available
_RETRIED_SQLSTATES: Final = frozenset({"40001", "40P01", "55P03"})
IN_MEMORY: Final = 8 * 1024 * 1024
"""Bytes. Larger instances stream through a file, so that many at once do not fill the memory."""
_MOST_REQUESTS_AT_ONCE: Final = 64

Also = Callable[[Session, Sequence[StoreResult]], None]
"""Written in the transaction of the index rows: the audit of a request."""
_Answer = StoreResult | Overtaken
_Refusal = NotDicom | DamagedDicom | LimitExceeded
Written = TypeVar("Written")


@dataclass(slots=True)
class _Item:
    """One instance on its way in. `result` is None until it is settled; `digest` is empty until somebody needs it."""

    file: BinaryIO
    size: int
    header: InstanceHeader | _Refusal
    arrival: Arrival
    digest: str = ""
    differs_from: Collection[int] = ()
    result: StoreResult | None = None

    def to_file(self) -> Instance | Unreadable:
        """Return what is to be filed."""
        if isinstance(self.header, InstanceHeader):
            return Instance(self.header, self.arrival, self.differs_from)
        return Unreadable(self.header.reason_code, str(self.header), self.named(), self.arrival)

    def named(self) -> str:
        """Return the digest of the bytes; those that are not kept yet are in memory."""
        if not self.digest:
            ref = self.arrival.ref
            self.digest = ref.digest if ref else hashlib.sha256(self.arrival.content).hexdigest()
        return self.digest


@dataclass(frozen=True, slots=True)
class _Filing:
    """What one caller wants in the index, all of it in one transaction."""

    arrivals: Sequence[Instance | Unreadable]
    then: Callable[[Session, Sequence[_Answer]], None]


class Ingestor:
    """The one way in. Threads and processes may share a database and a blob store.

    Args:
        blobs: Where the received bytes go.
        reads: Opens sessions that only read.
        writes: Opens sessions that write; on SQLite they must begin IMMEDIATE.
        limits: What one instance may ask of us.
        clock: Gives the aware time of receipt.
    """

    def __init__(
        self,
        blobs: BlobStore,
        *,
        reads: sessionmaker[Session],
        writes: sessionmaker[Session],
        limits: Limits,
        clock: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._reads = reads
        self._writes = writes
        self._limits = limits
        self._clock = clock
        self._commit = GroupCommit(self._file_group, most=_MOST_REQUESTS_AT_ONCE)
        # one group at a time: a second thread would have nothing to do
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="keeper")

    def store_instance(self, content: BinaryIO, *, institution_code: str, origin: Origin) -> StoreResult:
        """Take in one instance, read to the end of `content`.

        When this returns, bytes and index rows are durable: only now may a sender hear of success.
        Whatever can be kept is kept, if need be in quarantine; only what exceeds a limit in size is not.

        Raises:
            InstanceTooLarge: More bytes than allowed; nothing is kept.
            StorageFull: No room; nothing is kept.
            IndexBusy: The bytes are kept but not indexed; the sender must try again.
        """
        head = read_up_to(content, IN_MEMORY + 1)
        if len(head) <= IN_MEMORY:
            return self.store_instances([head], institution_code=institution_code, origin=origin)[0]
        stream = cast(BinaryIO, Chained(BytesIO(head), content))
        ref = self._blobs.put(stream, limit=self._limits.instance_bytes)
        arrival = Arrival(institution_code, origin, self._clock(), ref=ref)
        self._blobs.note(ref, arrival.about)
        return self._settle([self._kept_item(arrival, ref, head)])[0]

    def store_instances(
        self, contents: Sequence[bytes], *, institution_code: str, origin: Origin, also: Also | None = None
    ) -> list[StoreResult]:
        """Take in instances that are in memory, all durable at once; otherwise like `store_instance`.

        `also` runs in the transaction of their index rows; it may run again when that is tried again.

        Raises:
            InstanceTooLarge: One has more bytes than allowed; nothing is kept.
            StorageFull: No room; some may be kept, none is in the index.
            IndexBusy: The bytes are kept but not indexed; the sender must try again.
        """
        for content in contents:
            if len(content) > self._limits.instance_bytes:
                raise InstanceTooLarge(allowed=self._limits.instance_bytes, found=len(content))
        at = self._clock()
        items: list[_Item] = []
        for content in contents:
            file, size = BytesIO(content), len(content)
            arrival = Arrival(institution_code, origin, at, content)
            items.append(_Item(file, size, self._read_header(file, size), arrival))
        return self._settle(items, also)

    def file_kept(self, ref: BlobRef, about: About) -> StoreResult:
        """File an instance whose bytes are in the store already, as if it came when `about` says.

        Raises:
            BlobMissing: The store does not hold it.
            IndexBusy: Nothing was written.
        """
        channel, _, peer = about["received_from"].partition(":")
        at = datetime.fromisoformat(about["received_at"])
        arrival = Arrival(about["institution_code"], Origin(Channel(channel), peer), at, ref=ref)
        return self._settle([self._kept_item(arrival, ref)])[0]

    def _kept_item(self, arrival: Arrival, ref: BlobRef, head: bytes = b"") -> _Item:
        file = cast(BinaryIO, BlobFile(self._blobs, ref, head))
        return _Item(file, ref.size, self._read_header(file, ref.size), arrival)

    def _settle(self, items: Sequence[_Item], also: Also | None = None) -> list[StoreResult]:
        """File what is new; again what turns out to have a UID that is known, once the contents are compared."""

        def then(session: Session, answers: Sequence[_Answer]) -> None:
            found = iter(answers)
            results = [item.result or next(found) for item in items]
            settled = [result for result in results if isinstance(result, StoreResult)]
            if also is not None and len(settled) == len(items):
                also(session, settled)

        for _ in range(_ATTEMPTS):
            waiting = [item for item in items if item.result is None]
            answers: Sequence[_Answer] = ()
            if waiting or also is not None:
                answers = self._commit.do(_Filing([item.to_file() for item in waiting], then))
            for item, answer in zip(waiting, answers, strict=True):
                if isinstance(answer, StoreResult):
                    item.result = answer
                else:
                    self._compare(item, answer.known)
            if all(isinstance(answer, StoreResult) for answer in answers):
                return _logged(items)
        raise IndexBusy(_ATTEMPTS)

    def _compare(self, item: _Item, known: Sequence[Known]) -> None:
        """Settle an instance that is here already; else remember what it differs from."""
        header = cast(InstanceHeader, item.header)  # what cannot be read has no UID
        for revision in known:
            if is_same(self._blobs, revision, header, item.file, item.size, item.named()):
                item.result = result_of(StoreOutcome.ALREADY_STORED, header, item.named())
                return
        item.differs_from = {revision.key for revision in known}

    def _keep(self, arrivals: Sequence[Arrival]) -> Callable[[], None]:
        """Begin to keep what is not kept yet; return what waits for it. What streams is kept already."""
        fresh = [arrival for arrival in arrivals if arrival.ref is None]
        if not fresh:
            return lambda: None
        added = self._keeper.submit(self._blobs.add, [NewBlob((one.content,), one.about) for one in fresh])

        def wait() -> None:
            for arrival, ref in zip(fresh, added.result(), strict=True):
                arrival.ref = ref

        return wait

    def _file_group(self, filings: Sequence[_Filing]) -> Sequence[Sequence[_Answer] | Exception]:
        """Write what several callers want in one transaction."""
        try:
            return self._retry(lambda session: _file_all(session, filings, self._keep))
        except DBAPIError as error:
            if len(filings) == 1 or _passes_by_itself(error):
                raise
            log.warning("a group of arrivals could not be filed together", extra={"callers": len(filings)})
        # one of them asks for what the database refuses: the others must not fail with it
        return [self._alone(filing) for filing in filings]

    def _alone(self, filing: _Filing) -> Sequence[_Answer] | Exception:
        try:
            return self._retry(lambda session: _file_all(session, [filing], self._keep))[0]
        except Exception as error:  # noqa: BLE001  # its own caller hears it
            return error

    def _retry(self, work: Callable[[Session], Written]) -> Written:
        """Run one transaction; again when another writer was first, so that its result is seen."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._writes.begin() as session:
                    return work(session)
            except DBAPIError as error:
                if not _passes_by_itself(error):
                    raise
            # jitter: writers that collided once must not collide in step again
            time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311  # no secret
        raise IndexBusy(_ATTEMPTS)

    def _read_header(self, file: BinaryIO, size: int) -> InstanceHeader | _Refusal:
        try:
            return read_header(file, size, self._limits)
        except (NotDicom, DamagedDicom, LimitExceeded) as refusal:
            return refusal


def _file_all(session: Session, filings: Sequence[_Filing], keep: Keep) -> list[Sequence[_Answer]]:
    answers = iter(file_arrivals(session, [arrival for filing in filings for arrival in filing.arrivals], keep))
    by_filing: list[Sequence[_Answer]] = [list(islice(answers, len(filing.arrivals))) for filing in filings]
    for filing, own in zip(filings, by_filing, strict=True):
        filing.then(session, own)
    return by_filing


def _logged(items: Sequence[_Item]) -> list[StoreResult]:
    results: list[StoreResult] = []
    for item in items:
        result = cast(StoreResult, item.result)  # settled
        results.append(result)
        log.info(
            "instance received",
            extra={
                "outcome": str(result.outcome),
                "sop_instance_uid": result.sop_instance_uid,
                "bytes": item.size,
                "channel": str(item.arrival.origin.channel),
                "reason_code": result.reason_code,
            },
        )
    return results


def _passes_by_itself(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True
    if getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
