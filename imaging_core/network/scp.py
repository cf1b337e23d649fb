"""The storage SCP: takes in instances by C-STORE and answers C-ECHO.

Storage is the part that a faster upper layer will replace (see decisions/005-dimse-seam.md): everything it needs is
`received_file` and the status table, neither of which knows pynetdicom.
"""

import contextlib
import logging
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.sop_class import Verification

from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RECEIVED
from imaging_core.errors import ImagingError
from imaging_core.ingest import Channel, Ingestor, Origin
from imaging_core.network.received import received_file
from imaging_core.network.statuses import PROCESSING_FAILURE, SUCCESS, status_of_error, status_of_outcome

log = logging.getLogger(__name__)

_UNLIMITED_PDU: Final = 0
_SECONDS_TO_FINISH: Final = 15.0


@dataclass(frozen=True, slots=True)
class ScpSettings:
    """How the SCP listens. `allowed` maps calling AE titles to the institution their images belong to."""

    ae_title: str = "MINGYING"
    host: str = "127.0.0.1"
    port: int = 11112
    allowed: Mapping[str, str] = field(default_factory=dict)
    associations: int = 64
    tls: ssl.SSLContext | None = None


class StorageScp:
    """Listens for associations of known AE titles. Success is answered only after the instance is durable.

    Use `start` and `stop`, or a with block.
    """

    def __init__(self, ingestor: Ingestor, settings: ScpSettings) -> None:
        self._ingestor = ingestor
        self._settings = settings
        self._institutions = {title.strip(): code for title, code in settings.allowed.items()}
        self._ae: Any = None
        self._server: Any = None

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
    def active_associations(self) -> int:
        """How many associations are open."""
        return len(self._ae.active_associations)

    def start(self) -> None:
        """Begin to listen. Raises OSError when the port is taken."""
        _configure_library()
        settings = self._settings
        ae = AE(ae_title=settings.ae_title)
        ae.maximum_pdu_size = _UNLIMITED_PDU
        ae.maximum_associations = settings.associations
        # an unknown machine is turned away before it can send anything; an empty list would let everyone in
        ae.require_calling_aet = list(self._institutions) or [secrets.token_hex(8)]
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 30, 120, 120
        ae.add_supported_context(Verification, [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, list(RECEIVED))
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda _event: SUCCESS),
            (evt.EVT_CONN_OPEN, _answer_at_once),
            (evt.EVT_CONN_CLOSE, _drop_half_received),
            (evt.EVT_REJECTED, _log_rejection),
        ]
        self._ae = ae
        self._server = ae.start_server(
            (settings.host, settings.port), block=False, evt_handlers=handlers, ssl_context=settings.tls
        )
        log.info("dicom listener started", extra={"port": self.port, "ae_title": settings.ae_title})

    def stop(self) -> None:
        """Take no new associations, let open ones finish for a while, then abort them."""
        if self._server is None:
            return
        self._server.shutdown()
        deadline = time.monotonic() + _SECONDS_TO_FINISH
        while self._ae.active_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        self._ae.shutdown()
        self._server = None
        log.info("dicom listener stopped")

    def _store(self, event: Any) -> int:  # noqa: ANN401  # pynetdicom makes its events at run time
        """Answer one C-STORE request."""
        calling = event.assoc.requestor.ae_title.strip()
        try:
            with received_file(
                Path(event.dataset_path),
                sop_class_uid=str(event.request.AffectedSOPClassUID),
                sop_instance_uid=str(event.request.AffectedSOPInstanceUID),
                transfer_syntax_uid=str(event.context.transfer_syntax),
            ) as content:
                result = self._ingestor.store_instance(
                    content, institution_code=self._institutions[calling], origin=Origin(Channel.CSTORE, calling)
                )
        except ImagingError as error:
            log.warning("c-store refused", extra={"calling_ae_title": calling, "error": type(error).__name__})
            return status_of_error(error)
        except Exception:
            # whatever happened, the sender must keep the image and hear so
            log.exception("c-store failed", extra={"calling_ae_title": calling})
            return PROCESSING_FAILURE
        return status_of_outcome(result.outcome)


def _configure_library() -> None:
    """Set what pynetdicom only knows globally; nothing else in the process uses it."""
    _config.STORE_RECV_CHUNKED_DATASET = True  # large instances go to disk, not to memory
    _config.UNRESTRICTED_STORAGE_SERVICE = True  # private and new SOP classes are kept too
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.ERROR)


def _answer_at_once(event: Any) -> None:  # noqa: ANN401
    # small answers must not wait for the peer's delayed acknowledgements
    with contextlib.suppress(OSError, AttributeError):
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _drop_half_received(event: Any) -> None:  # noqa: ANN401
    """Remove the file of a data set that ended with the connection; pynetdicom leaves it behind."""
    file = getattr(getattr(event.assoc.dimse, "message", None), "_data_set_file", None)
    if file is not None:
        file.close()
        Path(file.name).unlink(missing_ok=True)


def _log_rejection(event: Any) -> None:  # noqa: ANN401
    log.warning("association rejected", extra={"calling_ae_title": event.assoc.requestor.ae_title.strip()})
