"""Fuzz target: everything a stranger may send to the DICOM listener, without a network.

Driven by hypothesis in `tests/unit/imaging_core/network/test_upper_layer.py`, by atheris with `tests.fuzz.run`.
"""

import logging
from typing import IO, Any, cast

from imaging_core.network.peers import Peer, Peers
from imaging_core.network.storage import StorageLayer, Timers
from imaging_core.network.storage.pdu import ASSOCIATE_REQUEST_BYTES, PDU_HEADER

LARGEST = 5000
_PEERS = Peers([Peer(ae_title="CT1", institution_code="fuzz")])


class ScriptedSocket:
    """Has received a number of bytes, and keeps what is sent."""

    def __init__(self, received: bytes, *, step: int = 1 << 30) -> None:
        self._received = memoryview(received)
        self._step = step
        self.sent = bytearray()
        self.closed = False

    def recv_into(self, buffer: memoryview) -> int:
        """Give the next bytes."""
        count = min(len(buffer), len(self._received), self._step)
        buffer[:count] = self._received[:count]
        self._received = self._received[count:]
        return count

    def sendall(self, data: bytes) -> None:
        """Keep what is sent."""
        self.sent += data

    def settimeout(self, seconds: float | None) -> None:
        """Nothing to wait for."""

    def setsockopt(self, *_: int) -> None:
        """Nothing to set."""

    def close(self) -> None:
        """Note the end."""
        self.closed = True


def receive(received: bytes, *, step: int = 1 << 30) -> tuple[ScriptedSocket, bytes | None, list[bytes]]:
    """Let the layer serve a connection that brings these bytes; return it, what was handed on, and what was stored.

    Raises:
        AssertionError: The layer failed, or broke one of its own promises.
    """
    stored: list[bytes] = []

    def store(file: IO[bytes], _peer: Peer) -> int:
        stored.append(file.read())
        return 0

    layer = StorageLayer(
        store, _PEERS, associations=1, elsewhere=lambda: 0, instance_bytes=LARGEST, timers=Timers(artim=60, idle=60)
    )
    failures = _Failures()
    logging.getLogger("imaging_core.network.storage").addHandler(failures)
    scripted = ScriptedSocket(received, step=step)
    try:
        handed_on = layer.receive(cast(Any, scripted), ("192.0.2.1", 104), secure=False)
    finally:
        logging.getLogger("imaging_core.network.storage").removeHandler(failures)
    assert not failures.records, failures.records[0].getMessage()
    assert layer.connections == 0
    assert scripted.closed is (handed_on is None)
    assert handed_on is None or received.startswith(handed_on)
    assert all(len(content) < LARGEST + 1000 for content in stored)
    assert len(scripted.sent) <= ASSOCIATE_REQUEST_BYTES + 300 * len(received)
    _check_pdus(bytes(scripted.sent))
    return scripted, handed_on, stored


class _Failures(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def _check_pdus(sent: bytes) -> None:
    """What we send is whole PDUs of kinds that an acceptor may send."""
    while sent:
        kind, length = PDU_HEADER.unpack_from(sent)
        assert kind in (2, 3, 4, 6, 7)
        assert len(sent) >= PDU_HEADER.size + length
        sent = sent[PDU_HEADER.size + length :]
