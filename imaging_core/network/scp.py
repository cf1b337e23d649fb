"""The listener: takes in instances by C-STORE, answers C-ECHO, and hands other requests to their services.

Associations for storage and verification alone are served by our own layer (`network.storage`, see
decisions/005-dimse-seam.md); all others, which may store too, by pynetdicom.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE
from pynetdicom.sop_class import Verification

from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RECEIVED
from imaging_core.ingest import Ingestor
from imaging_core.network.operations import Operation, OperationServer, answer_at_once, forget_old_cancels
from imaging_core.network.peers import Peer, Peers, Right
from imaging_core.network.received import received_file
from imaging_core.network.retrieval import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from imaging_core.network.statuses import NO_SUCH_ACTION, NOT_AUTHORISED, SUCCESS
from imaging_core.network.storage import StorageLayer, Timers
from imaging_core.network.storing import store_received

log = logging.getLogger(__name__)

_UNLIMITED_PDU: Final = 0
_SECONDS_TO_FINISH: Final = 15.0
_SECONDS_TO_ABORT: Final = 2.0

FIND_CLASSES: Final = (PATIENT_ROOT_FIND, STUDY_ROOT_FIND)
MOVE_CLASSES: Final = (PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE)
GET_CLASSES: Final = (PATIENT_ROOT_GET, STUDY_ROOT_GET)
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"


@dataclass(frozen=True, slots=True)
class ScpSettings:
    """How the SCP listens and whom it knows.

    `allowed` is the short form for senders: calling AE titles and the institution their images belong to.
    """

    ae_title: str = "MINGYING"
    host: str = "127.0.0.1"
    port: int = 11112
    allowed: Mapping[str, str] = field(default_factory=dict)
    peers: Sequence[Peer] = ()
    associations: int = 64
    instance_bytes: int = Limits().instance_bytes
    """The largest data set that is read to its end; the archive's own limit holds besides."""
    timers: Timers = field(default_factory=Timers)
    tls: ssl.SSLContext | None = None
    tls_port: int = 2762
    """Where associations over TLS are taken, when `tls` is given (PS3.15 B.1)."""

    def known(self) -> Peers:
        """Return everyone we know."""
        senders = [Peer(ae_title=title, institution_code=code) for title, code in self.allowed.items()]
        return Peers([*senders, *self.peers])


@dataclass(frozen=True, slots=True)
class ScpServices:
    """What is answered beside C-STORE and C-ECHO; what is None is not offered."""

    find: Callable[[Operation], None] | None = None
    move: Callable[[Operation], None] | None = None
    get: Callable[[Operation], None] | None = None
    commit: Callable[[Any, Peer], tuple[int, int | None]] | None = None
    """Keeps a request for storage commitment (pynetdicom's event); returns the status and the request's number."""
    report: Callable[[Any, Peer, int], None] | None = None
    """Reports on a kept request on the association that asked, to a peer without an address."""

    def offered(self) -> list[str]:
        """Return the SOP classes that are offered."""
        parts = (
            (self.find, FIND_CLASSES),
            (self.move, MOVE_CLASSES),
            (self.get, GET_CLASSES),
            (self.commit, (STORAGE_COMMITMENT,)),
        )
        return [sop_class for service, classes in parts if service is not None for sop_class in classes]


class StorageScp:
    """Listens for associations of known AE titles. Success is answered only after the instance is durable.

    Use `start` and `stop`, or a with block.
    """

    def __init__(self, ingestor: Ingestor, settings: ScpSettings, services: ScpServices | None = None) -> None:
        self._ingestor = ingestor
        self._settings = settings
        self._services = services or ScpServices()
        self._peers = settings.known()
        self._storage = StorageLayer(
            lambda file, peer: store_received(ingestor, nullcontext(cast(BinaryIO, file)), peer),
            self._peers,
            associations=settings.associations,
            elsewhere=lambda: len(self._ae.active_associations),
            instance_bytes=settings.instance_bytes,
            timers=settings.timers,
        )
        self._ae: Any = None
        self._server: Any = None
        self._tls_server: Any = None

    def __enter__(self) -> "StorageScp":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on; the one the system chose when the settings say 0."""
        return int(self._server.server_address[1])

    @property
    def tls_port(self) -> int:
        """The port for TLS."""
        return int(self._tls_server.server_address[1])

    @property
    def active_associations(self) -> int:
        """How many associations are open."""
        return len(self._ae.active_associations) + self._storage.associations

    def start(self) -> None:
        """Begin to listen. Raises OSError when the port is taken."""
        configure_library()
        settings = self._settings
        ae = AE(ae_title=settings.ae_title)
        ae.maximum_pdu_size = _UNLIMITED_PDU
        ae.maximum_associations = settings.associations
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 30, 120, 120
        for sop_class in (Verification, *self._services.offered()):
            ae.add_supported_context(sop_class, [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
        for context in AllStoragePresentationContexts:
            # both roles: C-GET sends back on the association that asked
            ae.add_supported_context(context.abstract_syntax, list(RECEIVED), scu_role=True, scp_role=True)
        self._ae = ae
        self._server = self._listen(settings.port, None)
        if settings.tls is not None:
            self._tls_server = self._listen(settings.tls_port, settings.tls)
        log.info("dicom listener started", extra={"port": self.port, "ae_title": settings.ae_title})

    def _listen(self, port: int, tls: ssl.SSLContext | None) -> Any:  # noqa: ANN401
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda _event: SUCCESS),
            (evt.EVT_N_ACTION, self._commit),
            (evt.EVT_DIMSE_RECV, forget_old_cancels),
            (evt.EVT_CONN_OPEN, answer_at_once),
            (evt.EVT_REQUESTED, partial(self._admit, secure=tls is not None)),
            (evt.EVT_CONN_CLOSE, _drop_half_received),
            (evt.EVT_REJECTED, _log_rejection),
        ]
        services = self._services
        answers = {C_FIND: services.find, C_MOVE: services.move, C_GET: services.get}
        server = self._ae.make_server(
            (self._settings.host, port),
            evt_handlers=handlers,
            ssl_context=tls,
            server_class=OperationServer,
            services={kind: service for kind, service in answers.items() if service is not None},
            peer_of=self._peer_of,
            first=lambda connection, address, secure: self._storage.receive(connection, address, secure=secure),
        )
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
        return server

    def stop(self) -> None:
        """Take no new associations, let open ones finish for a while, then abort them."""
        if self._server is None:
            return
        servers = [server for server in (self._server, self._tls_server) if server is not None]
        for server in servers:
            server.shutdown()
        deadline = time.monotonic() + _SECONDS_TO_FINISH
        while self.active_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        self._storage.abort_all(_SECONDS_TO_ABORT)
        for association in self._ae.active_associations:
            association.abort()
        self._server = self._tls_server = None
        log.info("dicom listener stopped")

    def _admit(self, event: Any, *, secure: bool) -> None:  # noqa: ANN401  # pynetdicom makes its events at run time
        """Turn an association away, before it can send anything, unless we know who asks and may come this way."""
        association = event.assoc
        requestor, primitive = association.requestor, association.requestor.primitive
        title = str(primitive.calling_ae_title)
        if self._peers.admit(title, requestor.address, secure=secure) is None:
            requestor.ae_title = title
            association.acse.send_reject(0x01, 0x01, 0x03)  # PS3.8 9.3.4: permanent, calling AE title not recognised
            _log_rejection(event)
            association.kill()

    def _peer_of(self, association: Any) -> Peer:  # noqa: ANN401
        peer = self._peers.get(association.requestor.ae_title)
        if peer is None:
            raise LookupError("an association of an unknown AE title was let in")
        return peer

    def _store(self, event: Any) -> int:  # noqa: ANN401
        """Answer one C-STORE request."""
        peer = self._peer_of(event.assoc)
        if not peer.may(Right.STORE):
            log.warning("c-store refused", extra={"calling_ae_title": peer.ae_title, "error": "no right to store"})
            return NOT_AUTHORISED
        received = received_file(
            Path(event.dataset_path),
            sop_class_uid=str(event.request.AffectedSOPClassUID),
            sop_instance_uid=str(event.request.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(event.context.transfer_syntax),
        )
        return store_received(self._ingestor, received, peer)

    def _commit(self, event: Any) -> tuple[int, None]:  # noqa: ANN401
        """Answer one N-ACTION request."""
        peer = self._peer_of(event.assoc)
        if self._services.commit is None:
            return NO_SUCH_ACTION, None
        if not peer.may(Right.STORE):
            return NOT_AUTHORISED, None
        status, number = self._services.commit(event, peer)
        if number is not None and not peer.host and self._services.report is not None:
            event.assoc.afterwards = partial(self._services.report, event.assoc, peer, number)
        return status, None


def configure_library() -> None:
    """Set what pynetdicom only knows globally, for what listens and for what sends."""
    _config.STORE_RECV_CHUNKED_DATASET = True  # large instances go to disk, not to memory
    _config.STORE_SEND_CHUNKED_DATASET = True  # the file's own bytes go out, nothing is encoded anew
    _config.UNRESTRICTED_STORAGE_SERVICE = True  # private and new SOP classes are kept too
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.ERROR)


def _drop_half_received(event: Any) -> None:  # noqa: ANN401
    """Remove the file of a data set that ended with the connection; pynetdicom leaves it behind."""
    file = getattr(getattr(event.assoc.dimse, "message", None), "_data_set_file", None)
    if file is not None:
        file.close()
        Path(file.name).unlink(missing_ok=True)


def _log_rejection(event: Any) -> None:  # noqa: ANN401
    log.warning("association rejected", extra={"calling_ae_title": event.assoc.requestor.ae_title.strip()})
