"""The way in of every connection: ours when it is for storage and verification, else handed on as it came."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from imaging_core.dicom.writing import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from imaging_core.network.peers import Peer, Peers, Right
from imaging_core.network.storage.association import Association
from imaging_core.network.storage.connection import Connection, ConnectionEnded, Reader
from imaging_core.network.storage.negotiation import (
    ACCEPTED,
    TOO_MANY,
    UNKNOWN_CALLER,
    Rejection,
    answer_contexts,
    answer_roles,
    is_ours,
    objection,
)
from imaging_core.network.storage.pdu import (
    ASSOCIATE_REQUEST_BYTES,
    PDU_HEADER,
    AssociateRequest,
    PduType,
    ProtocolError,
    abort,
    associate_accept,
    associate_reject,
    parse_associate_request,
)

log = logging.getLogger(__name__)

_WAITING: Final = 64
"""Connections beyond the associations that may wait to be answered; more are closed at once."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds. `artim`: for the whole request, and for closing (PS3.8 9.1.5); `idle`: between bytes of the rest."""

    artim: float = 30.0
    idle: float = 120.0


@dataclass(slots=True)
class _Live:
    """A connection that is being looked at or served."""

    connection: Connection
    established: bool = False
    ending: bool = False


class StorageLayer:
    """Serves associations for storage and verification, each in the thread that calls `receive`.

    Args:
        store: Keeps an instance for a peer; returns the status.
        peers: Who is let in.
        associations: How many may be open at once, `elsewhere` included.
        elsewhere: Counts those that were handed on.
        instance_bytes: The largest data set that is kept.
    """

    def __init__(
        self,
        store: Callable[[IO[bytes], Peer], int],
        peers: Peers,
        *,
        associations: int,
        elsewhere: Callable[[], int],
        instance_bytes: int,
        timers: Timers,
    ) -> None:
        self._store = store
        self._peers = peers
        self._most = associations
        self._elsewhere = elsewhere
        self._instance_bytes = instance_bytes
        self._timers = timers
        self._lock = threading.Lock()
        self._live: dict[int, _Live] = {}

    @property
    def associations(self) -> int:
        """How many associations are open here."""
        with self._lock:
            return sum(live.established for live in self._live.values())

    @property
    def connections(self) -> int:
        """How many connections are open here, those included that are about to begin or to end."""
        with self._lock:
            return len(self._live)

    def receive(self, sock: socket.socket, address: Any, *, secure: bool) -> bytes | None:  # noqa: ANN401
        """Serve a connection to its end. One that is not ours is left open: the bytes it began with are returned."""
        live = _Live(Connection(sock))
        if not self._admit(live):
            log.warning("connection closed: too many are waiting")
            live.connection.close()
            return None
        try:
            begun = self._answer(live, str(address[0]), secure=secure)
        except ConnectionEnded:
            live.connection.close()
            return None
        finally:
            with self._lock:
                del self._live[id(live)]
        if begun is not None:
            sock.settimeout(None)
        return begun

    def abort_all(self, seconds: float) -> None:
        """Abort what is open, and wait so long for its end."""
        with self._lock:
            for live in self._live.values():
                live.ending = True
                live.connection.end_of_input()
        deadline = time.monotonic() + seconds
        while self.connections and time.monotonic() < deadline:
            time.sleep(0.01)

    def _admit(self, live: _Live) -> bool:
        with self._lock:
            if len(self._live) >= self._most + _WAITING:
                return False
            self._live[id(live)] = live
            return True

    def _answer(self, live: _Live, address: str, *, secure: bool) -> bytes | None:
        connection = live.connection
        connection.expect_all_within(self._timers.artim)
        reader = Reader(connection)
        try:
            header, body = _read_request(reader)
            request = parse_associate_request(body)
        except ProtocolError as error:
            # PS3.8 9.2.3, AA-1
            self._end(live, abort(by_provider=False), f"no association request: {error}", "")
            return None
        peer = self._peers.admit(request.calling_ae_title, address, secure=secure)
        rejection = objection(request) or (UNKNOWN_CALLER if peer is None else None) or self._establish(live)
        if rejection is not None or peer is None:
            self._reject(live, rejection or UNKNOWN_CALLER, request)
            return None
        if not is_ours(request):
            return header + body + reader.unread()
        self._serve(live, reader, request, peer)
        return None

    def _establish(self, live: _Live) -> Rejection | None:
        elsewhere = self._elsewhere()
        with self._lock:
            if elsewhere + sum(other.established for other in self._live.values()) >= self._most:
                return TOO_MANY
            live.established = True
            return None

    def _reject(self, live: _Live, rejection: Rejection, request: AssociateRequest) -> None:
        answer = associate_reject(rejection.result, rejection.source, rejection.reason)
        reason = f"rejected {rejection.result}/{rejection.source}/{rejection.reason}"
        self._end(live, answer, reason, request.calling_ae_title)

    def _serve(self, live: _Live, reader: Reader, request: AssociateRequest, peer: Peer) -> None:
        connection = live.connection
        proposed = {context.context_id: context.abstract_syntax for context in request.contexts}
        answers = answer_contexts(request)
        connection.send(
            associate_accept(
                request,
                answers,
                answer_roles(request),
                implementation_class_uid=IMPLEMENTATION_CLASS_UID,
                implementation_version=IMPLEMENTATION_VERSION,
            )
        )
        connection.expect_within(self._timers.idle)
        association = Association(
            connection,
            reader,
            {
                answer.context_id: (proposed[answer.context_id], answer.transfer_syntax)
                for answer in answers
                if answer.result == ACCEPTED
            },
            (lambda file: self._store(file, peer)) if peer.may(Right.STORE) else None,
            instance_bytes=self._instance_bytes,
            max_length=request.max_length,
        )
        try:
            association.serve()
        except ProtocolError as error:
            self._end(live, abort(by_provider=True, reason=error.reason), str(error), peer.ae_title)
        except ConnectionEnded as error:
            # silent for too long, or we are to stop: in either case the other side may still listen
            self._end(live, abort(by_provider=False), "stopped" if live.ending else str(error), peer.ae_title)
        except Exception:
            log.exception("association failed", extra={"calling_ae_title": peer.ae_title})
            self._end(live, abort(by_provider=True), "failed", peer.ae_title)
        else:
            live.established = False
            connection.await_close(self._timers.artim)

    def _end(self, live: _Live, last_words: bytes, reason: str, calling_ae_title: str) -> None:
        """Say why no more is heard, and let the other side close."""
        live.established = False
        log.warning("association ended", extra={"calling_ae_title": calling_ae_title, "reason": reason})
        with suppress(ConnectionEnded):
            live.connection.send(last_words)
        live.connection.await_close(self._timers.artim)


def _read_request(reader: Reader) -> tuple[bytes, bytes]:
    """Return header and body of the A-ASSOCIATE-RQ that every connection begins with. Raises ProtocolError."""
    header = reader.take(PDU_HEADER.size)
    kind, length = PDU_HEADER.unpack(header)
    if kind != PduType.ASSOCIATE_RQ:
        raise ProtocolError(f"a PDU of type {kind} comes first")
    if length > ASSOCIATE_REQUEST_BYTES:
        raise ProtocolError("an association request is too long")
    return header, reader.take(length)
