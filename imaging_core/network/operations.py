"""One request of another entity, and how it is answered: what the services see of pynetdicom.

pynetdicom's own C-MOVE and C-GET decode every data set and write it anew; ours send the bytes that were received. So
requests of the query and retrieve services come here instead of to its service classes; negotiation, C-STORE, C-ECHO
and the DIMSE-N services stay with the library.
"""

import contextlib
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from socketserver import BaseServer
from typing import Any, Final

from pynetdicom.association import Association
from pynetdicom.dsutils import decode, encode
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from imaging_core.dicom.writing import dataset
from imaging_core.network.peers import Peer

First = Callable[[socket.socket, Any, bool], bytes | None]
"""Looks at a connection (with its address, and whether it is TLS) first: serves it, or returns what it began with."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sub-operations of a retrieval (PS3.4 C.4.2.1.6)."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0


class Operation:
    """A C-FIND, C-MOVE or C-GET request of a known peer."""

    def __init__(self, association: Any, request: Any, context: Any, peer: Peer) -> None:  # noqa: ANN401  # untyped
        self.association = association
        self.peer = peer
        self.message_id = int(request.MessageID)
        self.sop_class_uid = str(request.AffectedSOPClassUID)
        self.move_destination = str(getattr(request, "MoveDestination", None) or "").strip()
        self._request = request
        self._context = context

    @property
    def cancelled(self) -> bool:
        """Whether the peer has taken the request back (C-CANCEL)."""
        return self.message_id in self.association.dimse.cancel_req

    @property
    def connected(self) -> bool:
        """Whether the association still stands; an abort waits to be seen while a request is served."""
        return bool(self.association.is_established and not self.association.acse.is_aborted())

    def identifier(self) -> Any:  # noqa: ANN401  # a pydicom data set
        """Return the identifier. Raises ValueError when there is none or it cannot be read."""
        if self._request.Identifier is None:
            raise ValueError("the request has no identifier")
        try:
            found = decode(self._request.Identifier, *self._encoding)
            for element in found:  # values are read now, so that a bad one is refused here
                _ = element.value
        except Exception as error:
            raise ValueError("the identifier cannot be read") from error
        return found

    def respond(
        self,
        status: int,
        *,
        identifier: Any = None,  # noqa: ANN401
        counts: Counts | None = None,
        pending: bool = False,
        comment: str = "",
    ) -> None:
        """Send one response. The number of remaining sub-operations stands only where some may remain."""
        response = type(self._request)()
        response.MessageIDBeingRespondedTo = self._request.MessageID
        response.AffectedSOPClassUID = self._request.AffectedSOPClassUID
        response.Status = status
        if comment:
            response.ErrorComment = comment[:64]
        if counts is not None:
            if pending or status == CANCELLED:
                response.NumberOfRemainingSuboperations = counts.remaining
            response.NumberOfCompletedSuboperations = counts.completed
            response.NumberOfFailedSuboperations = counts.failed
            response.NumberOfWarningSuboperations = counts.warning
        if identifier is not None:
            encoded = encode(identifier, *self._encoding)
            if encoded is None:
                raise ValueError("the identifier of a response cannot be written")
            response.Identifier = BytesIO(encoded)
        self.association.dimse.send_msg(response, self._context.context_id)

    def failed_list(self, uids: Sequence[str]) -> Any:  # noqa: ANN401
        """Return the identifier that names the instances which were not sent (PS3.4 C.4.2.1.4.2)."""
        return dataset({"FailedSOPInstanceUIDList": list(uids)})

    @property
    def _encoding(self) -> tuple[bool, bool, bool]:
        syntax = self._context.transfer_syntax[0]
        return bool(syntax.is_implicit_VR), bool(syntax.is_little_endian), bool(syntax.is_deflated)


CANCELLED: Final = 0xFE00
UNABLE_TO_PROCESS: Final = 0xC000
Service = Callable[[Operation], None]


class OperationServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom is untyped
    """A listener of which some requests go to our services. `peer_of` says whose association it is.

    `first` sees every connection; what it does not serve is pynetdicom's.
    """

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # `StorageScp.stop` waits, but not for ever

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        services: Mapping[type, Service],
        peer_of: Callable[[Any], Peer],
        first: First,
        **named: Any,  # noqa: ANN401
    ) -> None:
        self.services = services
        self.peer_of = peer_of
        self._first = first
        super().__init__(*arguments, request_handler=_Handler, **named)

    def get_request(self) -> tuple[Any, Any]:
        """Return a connection; a TLS handshake is left to its own thread, so that a silent one holds up nobody."""
        client, address = self.socket.accept()
        if self.ssl_context is not None:
            client = self.ssl_context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve a connection in its own thread, or give it to the library with the bytes it began with."""
        begun = self._first(request, client_address, self.ssl_context is not None)
        if begun is not None:
            super().finish_request(_Begun(request, begun), client_address)

    def shutdown(self) -> None:
        """Take no new connection and close the socket; the library keeps no list of this server."""
        BaseServer.shutdown(self)
        self.server_close()


def answer_at_once(event: Any) -> None:  # noqa: ANN401
    """Let small messages not wait for the other side's delayed acknowledgements."""
    with contextlib.suppress(OSError, AttributeError):
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def forget_old_cancels(event: Any) -> None:  # noqa: ANN401
    """Let a C-CANCEL count only for the request it came after; message numbers are used again and again.

    This runs as messages arrive: later, one that was sent right behind its request could not be told from an old one.
    """
    if type(event.message).__name__ in ("C_FIND_RQ", "C_GET_RQ", "C_MOVE_RQ"):
        event.assoc.dimse.cancel_req = {}


@dataclass(frozen=True, slots=True)
class _Begun:
    """A connection of which the first bytes were read."""

    socket: socket.socket
    begun: bytes


class _BegunSocket(AssociationSocket):  # type: ignore[misc]
    """Gives out the bytes that were read before the library came to it, then those of the connection."""

    begun: bytes

    @property
    def ready(self) -> bool:
        """Whether something can be read."""
        return bool(self.begun) or bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        """Return the next bytes."""
        first, self.begun = bytearray(self.begun[:nr_bytes]), self.begun[nr_bytes:]
        left = nr_bytes - len(first)
        return first + super().recv(left) if left else first


class _Handler(RequestHandler):  # type: ignore[misc]
    def _create_association(self) -> Any:  # noqa: ANN401
        connection: _Begun = self.request  # type: ignore[has-type]  # pynetdicom is untyped
        self.request = connection.socket
        association = super()._create_association()
        association.dul.socket.__class__ = _BegunSocket
        association.dul.socket.begun = connection.begun
        association.__class__ = _Association  # the library has no other place to say which class it makes
        return association


class _Association(Association):  # type: ignore[misc]
    """An association that hands some requests to our services; all others to the library."""

    afterwards: Callable[[], None] | None = None
    """What to do once the response to the request that is served now has been sent."""

    def _serve_request(self, msg: Any, context_id: int) -> None:  # noqa: ANN401
        service = self._server.services.get(type(msg))
        context = self._accepted_cx.get(context_id)
        if service is None or context is None or not msg.is_valid_request or self._sent_release:
            super()._serve_request(msg, context_id)
            self._do_afterwards()
            return
        self._is_paused = True  # C-GET sends and receives on this association meanwhile
        operation = Operation(self, msg, context, self._server.peer_of(self))
        try:
            service(operation)
        except Exception:
            log.exception("request failed", extra={"calling_ae_title": operation.peer.ae_title})
            if operation.connected:
                operation.respond(UNABLE_TO_PROCESS, comment="internal error, see the log of the archive")
        finally:
            self._is_paused = False

    def _do_afterwards(self) -> None:
        todo, self.afterwards = self.afterwards, None
        if todo is None or not self.is_established:
            return
        self._is_paused = True
        try:
            todo()
        except Exception:
            log.exception("what follows a request failed")
        finally:
            self._is_paused = False
