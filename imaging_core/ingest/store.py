"""`Ingestor`: bytes first, then one short transaction, then the answer; many arrivals share each of the two."""

import hashlib
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import BinaryIO, Final, TypeVar, cast

from sqlalchemy import Connection
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
    Known,
    Overtaken,
    Unreadable,
    file_arrivals,
    known_revisions,
    quarantined_as,
    received_from,
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
    """One instance on its way in. `ref` and `result` are None until its bytes are kept, until it is settled."""

    content: BinaryIO
    size: int
    header: InstanceHeader | _Refusal
    digest: str = ""
    ref: BlobRef | None = None
    differs_from: Collection[int] = ()
    result: StoreResult | None = None


@dataclass(frozen=True, slots=True)
class _Sender:
    institution_code: str
    origin: Origin
    at: datetime

    @property
    def about(self) -> About:
        return {
            "institution_code": self.institution_code,
            "received_from": received_from(self.origin),
            "received_at": self.at.isoformat(),
        }


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
        sender = _Sender(institution_code, origin, self._clock())
        stream = cast(BinaryIO, Chained(BytesIO(head), content))
        ref = self._blobs.put(stream, limit=self._limits.instance_bytes)
        self._blobs.note(ref, sender.about)
        kept = cast(BinaryIO, BlobFile(self._blobs, ref, head))
        return self._settle([_Item(kept, ref.size, self._read_header(kept, ref.size), ref.digest, ref)], sender)[0]

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
        files = [(BytesIO(content), len(content)) for content in contents]
        items = [_Item(file, size, self._read_header(file, size)) for file, size in files]
        return self._settle(items, _Sender(institution_code, origin, self._clock()), also)

    def file_kept(self, ref: BlobRef, about: About) -> StoreResult:
        """File an instance whose bytes are in the store already, as if it came when `about` says.

        Raises:
            BlobMissing: The store does not hold it.
            IndexBusy: Nothing was written.
        """
        kept = cast(BinaryIO, BlobFile(self._blobs, ref))
        channel, _, peer = about["received_from"].partition(":")
        sender = _Sender(
            about["institution_code"], Origin(Channel(channel), peer), datetime.fromisoformat(about["received_at"])
        )
        return self._settle([_Item(kept, ref.size, self._read_header(kept, ref.size), ref.digest, ref)], sender)[0]

    def _settle(self, items: Sequence[_Item], sender: _Sender, also: Also | None = None) -> list[StoreResult]:
        """Keep and file what is new; again when somebody else filed the same UID at the same moment."""

        def then(session: Session, answers: Sequence[_Answer]) -> None:
            found = iter(answers)
            results = [item.result or next(found) for item in items]
            settled = [result for result in results if isinstance(result, StoreResult)]
            if also is not None and len(settled) == len(items):
                also(session, settled)

        for _ in range(_ATTEMPTS):
            self._recognise([item for item in items if item.result is None], sender.institution_code)
            self._keep(items, sender.about)
            waiting = [item for item in items if item.result is None]
            if waiting or also is not None:
                answers = self._commit.do(_Filing([_arrival_of(item, sender) for item in waiting], then))
                for item, answer in zip(waiting, answers, strict=True):
                    item.result = answer if isinstance(answer, StoreResult) else None
            results = [item.result for item in items if item.result is not None]
            if len(results) == len(items):
                _log(items, results, sender)
                return results
        raise IndexBusy(_ATTEMPTS)

    def _recognise(self, items: Sequence[_Item], institution_code: str) -> None:
        """Settle what is here already, before its bytes are kept once more; compare the rest with what has its UID."""
        with self._reads() as session:
            connection = session.connection()
            known = [self._known(connection, item, institution_code) for item in items]
            for item in items:
                if not isinstance(item.header, InstanceHeader) and item.ref is None:
                    item.digest = _digest(item.content)
                    item.ref = quarantined_as(session, institution_code, item.digest)
        for item, revisions in zip(items, known, strict=True):
            if isinstance(item.header, InstanceHeader):
                self._compare(item, item.header, revisions)

    def _known(self, connection: Connection, item: _Item, institution_code: str) -> Sequence[Known]:
        if not isinstance(item.header, InstanceHeader):
            return ()
        return known_revisions(connection, institution_code, item.header.sop_instance_uid)

    def _compare(self, item: _Item, header: InstanceHeader, known: Sequence[Known]) -> None:
        if known:
            item.digest = item.digest or _digest(item.content)
        for revision in known:
            if is_same(self._blobs, revision, header, item.content, item.size, item.digest):
                item.result = result_of(StoreOutcome.ALREADY_STORED, header, item.digest)
                return
        item.differs_from = {revision.key for revision in known}

    def _keep(self, items: Sequence[_Item], about: About) -> None:
        fresh = [item for item in items if item.result is None and item.ref is None]
        if fresh:
            # what streams is kept already
            new = [NewBlob((cast(BytesIO, item.content).getvalue(),), about) for item in fresh]
            for item, ref in zip(fresh, self._blobs.add(new), strict=True):
                item.ref = ref

    def _file_group(self, filings: Sequence[_Filing]) -> Sequence[Sequence[_Answer] | Exception]:
        """Write what several callers want in one transaction."""
        try:
            return self._retry(lambda session: _file_all(session, filings))
        except DBAPIError as error:
            if len(filings) == 1 or _passes_by_itself(error):
                raise
            log.warning("a group of arrivals could not be filed together", extra={"callers": len(filings)})
        # one of them asks for what the database refuses: the others must not fail with it
        return [self._alone(filing) for filing in filings]

    def _alone(self, filing: _Filing) -> Sequence[_Answer] | Exception:
        try:
            return self._retry(lambda session: _file_all(session, [filing]))[0]
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


def _file_all(session: Session, filings: Sequence[_Filing]) -> list[Sequence[_Answer]]:
    answers = iter(file_arrivals(session, [arrival for filing in filings for arrival in filing.arrivals]))
    by_filing: list[Sequence[_Answer]] = [list(islice(answers, len(filing.arrivals))) for filing in filings]
    for filing, own in zip(filings, by_filing, strict=True):
        filing.then(session, own)
    return by_filing


def _arrival_of(item: _Item, sender: _Sender) -> Instance | Unreadable:
    ref = cast(BlobRef, item.ref)  # its bytes are kept
    arrival = Arrival(sender.institution_code, sender.origin, ref, sender.at)
    if isinstance(item.header, InstanceHeader):
        return Instance(item.header, arrival, item.differs_from)
    return Unreadable(item.header.reason_code, str(item.header), arrival)


def _digest(content: BinaryIO) -> str:
    # what streams has its digest already: these are all in memory
    return hashlib.sha256(cast(BytesIO, content).getbuffer()).hexdigest()


def _log(items: Sequence[_Item], results: Sequence[StoreResult], sender: _Sender) -> None:
    for item, result in zip(items, results, strict=True):
        log.info(
            "instance received",
            extra={
                "outcome": str(result.outcome),
                "sop_instance_uid": result.sop_instance_uid,
                "bytes": item.size,
                "channel": str(sender.origin.channel),
                "reason_code": result.reason_code,
            },
        )


def _passes_by_itself(error: DBAPIError) -> bool:
    if isinstance(error, IntegrityError):
        return True
    if getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
