"""The sender's side of an association as bytes, right or wrong, for the tests of our own upper layer."""

import socket
import struct
from collections.abc import Sequence

CT, VERIFICATION, FIND = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
RELEASE_RQ = bytes.fromhex("05000000000400000000")
RELEASE_RP = bytes.fromhex("06000000000400000000")
ABORT = bytes.fromhex("07000000000400000000")


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU."""
    return struct.pack(">BxL", kind, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    """Return an item of an association PDU."""
    return struct.pack(">BxH", kind, len(body)) + body


def context(number: int, abstract: str, transfers: Sequence[str] = (EXPLICIT,)) -> bytes:
    """Return a proposed presentation context."""
    syntaxes = item(0x30, abstract.encode()) + b"".join(item(0x40, transfer.encode()) for transfer in transfers)
    return item(0x20, bytes([number, 0, 0, 0]) + syntaxes)


def associate(
    *contexts: bytes,
    calling: str = "CT1",
    application: str = "1.2.840.10008.3.1.1.1",
    version: int = 1,
    max_length: int = 16384,
    more: bytes = b"",
) -> bytes:
    """Return an A-ASSOCIATE-RQ; `more` goes into the user information."""
    titles = b"MINGYING".ljust(16) + calling.encode().ljust(16) + bytes(32)
    user = item(0x50, item(0x51, struct.pack(">L", max_length)) + item(0x52, b"1.2.3") + more)
    items = item(0x10, application.encode()) + b"".join(contexts or (context(1, CT), context(3, VERIFICATION))) + user
    return pdu(1, struct.pack(">HH", version, 0) + titles + items)


def command(field: int, *, message_id: int = 7, data_set: bool = False, more: bytes = b"") -> bytes:
    """Return a command set."""
    elements = more
    for element, value in ((0x0100, field), (0x0110, message_id), (0x0800, 1 if data_set else 0x0101)):
        elements += struct.pack("<HHLH", 0, element, 2, value)
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def store_command(sop_instance_uid: str = "1.2.3.4", sop_class_uid: str = CT, message_id: int = 7) -> bytes:
    """Return the command set of a C-STORE-RQ."""
    more = b""
    for element, uid in ((0x0002, sop_class_uid), (0x1000, sop_instance_uid)):
        value = uid.encode() + b"\0" * (len(uid) % 2)
        more += struct.pack("<HHL", 0, element, len(value)) + value
    return command(0x0001, message_id=message_id, data_set=True, more=more)


def pdv(number: int, payload: bytes, *, is_command: bool = False, last: bool = True) -> bytes:
    """Return a presentation data value item."""
    return struct.pack(">LBB", len(payload) + 2, number, is_command | last << 1) + payload


def data(*pdvs: bytes) -> bytes:
    """Return a P-DATA-TF."""
    return pdu(4, b"".join(pdvs))


def echo(number: int = 3) -> bytes:
    """Return a C-ECHO-RQ."""
    return data(pdv(number, command(0x0030), is_command=True))


def store(
    content: bytes, *, number: int = 1, piece: int = 4000, sop_instance_uid: str = "1.2.3.4", sop_class_uid: str = CT
) -> bytes:
    """Return a C-STORE-RQ with its data set in pieces, each a PDU."""
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)] or [b""]
    sent = data(pdv(number, store_command(sop_instance_uid, sop_class_uid), is_command=True))
    for index, part in enumerate(pieces, 1):
        sent += data(pdv(number, part, last=index == len(pieces)))
    return sent


class RawSender:
    """A TCP connection to the listener."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def __enter__(self) -> "RawSender":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, sent: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(sent)

    def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Send bytes and return type and body of the PDU that answers; type 0 is the end of the connection."""
        self.send(sent)
        return self.answer()

    def answer(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU; type 0 is the end of the connection."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", header)
        return kind, self._exactly(length)

    def status(self, sent: bytes = b"") -> int:
        """Return the status of the response to what is sent."""
        kind, body = self.ask(sent)
        assert kind == 4, (kind, body)
        return status_of(body)

    def _exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            try:
                piece = self.socket.recv(count - len(received))
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
        return received


def status_of(body: bytes) -> int:
    """Return the status in a response."""
    return int.from_bytes(body[body.index(bytes.fromhex("00000009")) + 8 :][:2], "little")
