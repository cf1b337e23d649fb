"""Storage commitment, push model (PS3.4 J): a request is kept before it is accepted, and answered by what is there.

The answer goes out on an association of our own to the peer's address; to a peer without one, on the association that
asked, while it stands.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynetdicom import build_context
from pynetdicom.presentation import build_role
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from imaging_core.dicom.writing import dataset
from imaging_core.index.tables import InstanceRow
from imaging_core.network.peers import Peer
from imaging_core.network.statuses import PROCESSING_FAILURE, SUCCESS
from imaging_core.network.tables import StorageCommitmentRow

log = logging.getLogger(__name__)

STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"

NO_SUCH_OBJECT: Final = 0x0112
CLASS_CONFLICT: Final = 0x0119
NO_SUCH_ACTION: Final = 0x0123
INVALID_ARGUMENT: Final = 0x0115

_ALL_SAFE, _SOME_MISSING = 1, 2
_REQUEST: Final = 1
_MOST: Final = 100_000
_IN_ONE_QUERY: Final = 500
_WAIT_FOR_RELEASE: Final = 0.3
_ANSWER_SECONDS: Final = 20


class ReportNotHeard(Exception):
    """The peer cannot be reached, or did not take the report; it stays owed."""


@dataclass(frozen=True, slots=True)
class Report:
    """Which instances are safe here, and why the others are not."""

    transaction_uid: str
    safe: Sequence[tuple[str, str]]
    failed: Sequence[tuple[str, str, int]]
    """SOP class, instance and failure reason (PS3.3 C.14.1.1)."""

    def event(self, ae_title: str) -> tuple[int, Any]:
        """Return event type and information (PS3.4 table J.3-4). Empty sequences are left out."""
        information: dict[str, Any] = {"TransactionUID": self.transaction_uid, "RetrieveAETitle": ae_title}
        if self.safe:
            information["ReferencedSOPSequence"] = [_reference(*item) for item in self.safe]
        if self.failed:
            information["FailedSOPSequence"] = [
                _reference(sop_class, sop_instance) | {"FailureReason": reason}
                for sop_class, sop_instance, reason in self.failed
            ]
        return (_SOME_MISSING if self.failed else _ALL_SAFE), dataset(information)


class CommitmentService:
    """Takes requests for storage commitment.

    Args:
        sessions: Opens sessions that write.
        clock: Gives the aware time.
        owe: Notes, in the given session, that the report of a request (its row's number) is due.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        clock: Callable[[], datetime],
        owe: Callable[[Session, StorageCommitmentRow], None],
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._owe = owe

    def accept(self, event: Any, peer: Peer) -> tuple[int, int | None]:  # noqa: ANN401  # pynetdicom's event
        """Keep one request; return the status, and the number under which it is kept."""
        if event.action_type != _REQUEST:
            return NO_SUCH_ACTION, None
        try:
            transaction, instances = _asked(event.action_information)
        except Exception:  # noqa: BLE001  # whatever pydicom raises at foreign bytes
            return INVALID_ARGUMENT, None
        try:
            with self._sessions.begin() as session:
                number = self._keep(session, peer, transaction, instances)
        except Exception:
            log.exception("storage commitment not kept", extra={"calling_ae_title": peer.ae_title})
            return PROCESSING_FAILURE, None
        log.info("storage commitment asked", extra={"calling_ae_title": peer.ae_title, "instances": len(instances)})
        return SUCCESS, number

    def _keep(self, session: Session, peer: Peer, transaction: str, instances: list[list[str]]) -> int:
        row = session.scalars(
            select(StorageCommitmentRow).where(
                StorageCommitmentRow.institution_code == peer.institution_code,
                StorageCommitmentRow.ae_title == peer.ae_title,
                StorageCommitmentRow.transaction_uid == transaction,
            )
        ).one_or_none()
        if row is None:
            row = StorageCommitmentRow(
                institution_code=peer.institution_code, ae_title=peer.ae_title, transaction_uid=transaction
            )
            session.add(row)
        # asked again under the same number, it is answered again
        row.instances, row.requested_at, row.reported_at = instances, self._clock(), None
        session.flush()
        self._owe(session, row)
        return row.id


def examine(session: Session, blobs: BlobStore, row: StorageCommitmentRow) -> Report:
    """Return what is true now: safe is what the index serves and the store holds in its full size."""
    kept = _kept(session, row)
    safe: list[tuple[str, str]] = []
    failed: list[tuple[str, str, int]] = []
    for sop_class, sop_instance in row.instances:
        known = kept.get(sop_instance)
        if known is None or not blobs.exists(known[1]):
            failed.append((sop_class, sop_instance, NO_SUCH_OBJECT))
        elif known[0] != sop_class:
            failed.append((sop_class, sop_instance, CLASS_CONFLICT))
        else:
            safe.append((sop_class, sop_instance))
    return Report(row.transaction_uid, safe, failed)


def deliver(report: Report, peer: Peer, connect: Callable[..., Any], ae_title: str) -> None:
    """Tell a peer on an association of our own.

    Raises:
        ReportNotHeard: It stays owed.
    """
    if not peer.host:
        raise ReportNotHeard("the peer has no address")
    syntaxes = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
    association = connect(
        peer,
        [build_context(STORAGE_COMMITMENT, syntaxes)],
        # PS3.4 J.3.3: who reports is the SCP, although it asks for the association
        roles=[build_role(STORAGE_COMMITMENT, scu_role=False, scp_role=True)],
    )
    if not association.is_established:
        raise ReportNotHeard("no association")
    try:
        _send(association, report, ae_title)
    finally:
        if association.is_established:
            association.release()


def deliver_on(association: Any, report: Report, ae_title: str) -> None:  # noqa: ANN401
    """Tell a peer on the association that asked, unless it is about to leave.

    Raises:
        ReportNotHeard: It stays owed.
    """
    until = time.monotonic() + _WAIT_FOR_RELEASE
    while time.monotonic() < until:
        if not association.is_established or association.dul.peek_next_pdu() is not None:
            raise ReportNotHeard("the association ends")
        time.sleep(0.02)
    association.dimse_timeout = _ANSWER_SECONDS
    _send(association, report, ae_title)


def _send(association: Any, report: Report, ae_title: str) -> None:  # noqa: ANN401
    event_type, information = report.event(ae_title)
    try:
        status, _ = association.send_n_event_report(
            information, event_type, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
        )
    except (ValueError, RuntimeError) as error:
        raise ReportNotHeard("the peer takes no reports") from error
    if "Status" not in status or status.Status != SUCCESS:
        raise ReportNotHeard(f"status {status.get('Status')}")


def _kept(session: Session, row: StorageCommitmentRow) -> dict[str, tuple[str, BlobRef]]:
    wanted = list({sop_instance for _, sop_instance in row.instances})
    kept: dict[str, tuple[str, BlobRef]] = {}
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        rows = session.execute(
            select(
                InstanceRow.sop_instance_uid,
                InstanceRow.sop_class_uid,
                InstanceRow.blob_digest,
                InstanceRow.blob_size,
                InstanceRow.blob_locator,
            ).where(
                InstanceRow.institution_code == row.institution_code,
                InstanceRow.current,
                InstanceRow.sop_instance_uid.in_(wanted[start : start + _IN_ONE_QUERY]),
            )
        )
        kept |= {item.sop_instance_uid: (item.sop_class_uid, BlobRef(*item[2:])) for item in rows}
    return kept


def _asked(information: Any) -> tuple[str, list[list[str]]]:  # noqa: ANN401
    transaction = str(information.TransactionUID).strip("\0 ")
    instances = [
        [str(item.ReferencedSOPClassUID).strip("\0 "), str(item.ReferencedSOPInstanceUID).strip("\0 ")]
        for item in information.ReferencedSOPSequence
    ]
    longest = max((len(uid) for pair in instances for uid in pair), default=0)
    if not transaction or max(len(transaction), longest) > 64 or not 0 < len(instances) <= _MOST:
        raise ValueError("transaction UID or references are missing")
    return transaction, instances


def _reference(sop_class: str, sop_instance: str) -> dict[str, Any]:
    return {"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": sop_instance}
