"""C-MOVE and C-GET (PS3.4 C.4.2, C.4.3): instances go out as stored, and the counts say what became of each."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pynetdicom import AE, evt
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.network.matching import MOST, BadIdentifier, matching_instances, wanted
from imaging_core.network.operations import CANCELLED, Counts, Operation, answer_at_once
from imaging_core.network.peers import Peer, Peers, Right
from imaging_core.network.sending import Sender, Sent, proposed_contexts
from imaging_core.network.statuses import BAD_IDENTIFIER, NOT_AUTHORISED, SUCCESS
from imaging_core.retrieve.finding import Found

log = logging.getLogger(__name__)

PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"

PENDING: Final = 0xFF00
SOME_FAILED: Final = 0xB000
CANNOT_COUNT: Final = 0xA701
CANNOT_SEND: Final = 0xA702
UNKNOWN_DESTINATION: Final = 0xA801


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, before anything is sent: for the audit."""

    peer: Peer
    destination: str
    study_instance_uids: Sequence[str]
    instances: int


Connect = Callable[..., Any]
"""Opens an association: `connect(peer, contexts, roles=())`. What it returns may not stand."""


class RetrieveService:
    """Answers C-MOVE and C-GET of peers that may retrieve.

    Args:
        peers: Who may be a destination.
        sessions: Opens sessions on the index.
        sender: Sends the instances.
        connect: Opens associations to destinations.
        audit: Notes a retrieval; when it fails nothing is sent.
    """

    def __init__(
        self,
        *,
        peers: Peers,
        sessions: sessionmaker[Session],
        sender: Sender,
        connect: Connect,
        audit: Callable[[Asked], None],
    ) -> None:
        self._peers = peers
        self._sessions = sessions
        self._sender = sender
        self._connect = connect
        self._audit = audit

    def move(self, operation: Operation) -> None:
        """Answer one C-MOVE."""
        if not operation.peer.may(Right.RETRIEVE):
            operation.respond(NOT_AUTHORISED, comment="this AE title may not retrieve")
            return
        destination = self._peers.destination(operation.move_destination, operation.peer)
        if destination is None:
            operation.respond(UNKNOWN_DESTINATION, comment="unknown move destination")
            return
        found = self._found(operation, destination.ae_title)
        if not found:
            return
        contexts = proposed_contexts([(item.sop_class_uid, item.transfer_syntax_uid) for item in found])
        association = self._connect(destination, contexts)
        try:
            self._send_all(operation, association, found, originator=(operation.peer.ae_title, operation.message_id))
        finally:
            if association.is_established:
                association.release()

    def get(self, operation: Operation) -> None:
        """Answer one C-GET: the instances come back on the association that asked."""
        if not operation.peer.may(Right.RETRIEVE):
            operation.respond(NOT_AUTHORISED, comment="this AE title may not retrieve")
            return
        if found := self._found(operation, operation.peer.ae_title):
            self._send_all(operation, operation.association, found, originator=None)

    def _found(self, operation: Operation, destination: str) -> Sequence[Found]:
        """Return what to send; nothing when the operation was answered already."""
        patient_root = operation.sop_class_uid in (PATIENT_ROOT_GET, PATIENT_ROOT_MOVE)
        peer = operation.peer
        try:
            keys = wanted(operation.identifier(), patient_root=patient_root)
        except (BadIdentifier, ValueError) as error:
            operation.respond(BAD_IDENTIFIER, comment=str(error))
            return ()
        with self._sessions() as session:
            found = matching_instances(session, peer.institution_code, keys)
        if len(found) > MOST:
            operation.respond(CANNOT_COUNT, comment=f"more than {MOST} instances")
            return ()
        studies = list(dict.fromkeys(item.study_instance_uid for item in found))
        self._audit(Asked(peer, destination, studies, len(found)))
        if not found:
            operation.respond(SUCCESS, counts=Counts(remaining=0))
        return found

    def _send_all(
        self,
        operation: Operation,
        association: Any,  # noqa: ANN401
        found: Sequence[Found],
        *,
        originator: tuple[str, int] | None,
    ) -> None:
        tally = dict.fromkeys(Sent, 0)
        failed: list[str] = []
        reasons: dict[str, int] = {}

        def counts(done: int) -> Counts:
            return Counts(len(found) - done, tally[Sent.COMPLETED], tally[Sent.FAILED], tally[Sent.WARNING])

        for number, item in enumerate(found):
            if not operation.connected:
                break  # nobody is left to hear of it
            if operation.cancelled:
                operation.respond(CANCELLED, counts=counts(number), identifier=operation.failed_list(failed))
                self._log(operation, counts(number), reasons)
                return
            outcome, reason = Sent.FAILED, "no association"
            if association.is_established:
                message_id = (operation.message_id + number) % MOST + 1
                outcome, reason = self._sender.send(association, item, message_id=message_id, originator=originator)
            tally[outcome] += 1
            if outcome is Sent.FAILED:
                failed.append(item.sop_instance_uid)
            if reason:
                reasons[reason] = reasons.get(reason, 0) + 1
            if number + 1 < len(found) and operation.connected:
                operation.respond(PENDING, counts=counts(number + 1), pending=True)
        self._log(operation, counts(sum(tally.values())), reasons)
        if operation.connected:
            _finish(operation, counts(len(found)), failed)

    def _log(self, operation: Operation, counts: Counts, reasons: dict[str, int]) -> None:
        log.info(
            "retrieval ended",
            extra={
                "calling_ae_title": operation.peer.ae_title,
                "completed": counts.completed,
                "failed": counts.failed,
                "warnings": counts.warning,
                "not_tried": counts.remaining,
                "reasons": reasons,
            },
        )


def _finish(operation: Operation, counts: Counts, failed: Sequence[str]) -> None:
    """Send the final response (PS3.4 table C.4-2)."""
    if not failed:
        # with nothing but warnings the list of failures is empty, and the status says that they were
        status = SOME_FAILED if counts.warning else SUCCESS
        identifier = operation.failed_list([]) if counts.warning else None
    else:
        status = SOME_FAILED if counts.completed or counts.warning else CANNOT_SEND
        identifier = operation.failed_list(failed)
    operation.respond(status, counts=counts, identifier=identifier)


def connecting(ae_title: str, tls: Any) -> Connect:  # noqa: ANN401  # an SSLContext or None
    """Return how to open associations under our own title; `tls` is for the peers that want it."""

    def connect(peer: Peer, contexts: Sequence[Any], roles: Sequence[Any] = ()) -> Any:  # noqa: ANN401
        ae = AE(ae_title=ae_title)
        ae.maximum_pdu_size = 0
        ae.connection_timeout, ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 10, 30, 120, 120
        if peer.tls and tls is None:
            raise TlsNotConfigured(peer.ae_title)
        return ae.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=0,
            ext_neg=list(roles),
            evt_handlers=[(evt.EVT_CONN_OPEN, answer_at_once)],
            tls_args=(tls, peer.host) if peer.tls else None,
        )

    return connect


class TlsNotConfigured(Exception):
    """A peer wants TLS, and we have no certificate."""

    def __init__(self, ae_title: str) -> None:
        super().__init__(f"{ae_title} wants TLS, and dicom.tls names no certificate")
