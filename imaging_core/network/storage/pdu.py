"""Protocol data units of the upper layer (PS3.8 9.3): reading what a stranger sent, writing what we answer.

Nothing here allocates by a declared length: every length is checked against the bytes that are there.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

DICOM_APPLICATION: Final = "1.2.840.10008.3.1.1.1"
ASSOCIATE_REQUEST_BYTES: Final = 1024 * 1024
"""128 contexts with every transfer syntax there is need half of it."""
PDU_HEADER: Final = struct.Struct(">BxL")
PDV_HEADER: Final = struct.Struct(">LBB")
COMMAND_BIT: Final = 1
LAST_BIT: Final = 2

_FIXED: Final = 68  # protocol version, titles and reserved bytes of an A-ASSOCIATE PDU
_ITEM: Final = struct.Struct(">BxH")
_MOST_CONTEXTS: Final = 128
_UNLIMITED: Final = 0


class PduType(IntEnum):
    """PS3.8 9.3.1."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class AbortReason(IntEnum):
    """Why the service provider aborts (PS3.8 9.3.8)."""

    NOT_SPECIFIED = 0
    UNRECOGNISED_PDU = 1
    UNEXPECTED_PDU = 2
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class ProtocolError(Exception):
    """The other side broke the protocol; the association ends with an A-ABORT."""

    def __init__(self, what: str, reason: AbortReason = AbortReason.INVALID_PARAMETER) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context that was proposed."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection of one SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ. `repeated` are the bytes that the answer must bear again (PS3.8 table 9-17)."""

    protocol_version: int
    called_ae_title: str
    calling_ae_title: str
    repeated: bytes
    application_context: str
    contexts: tuple[ProposedContext, ...]
    max_length: int = _UNLIMITED
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """What became of a proposed context; `result` as in PS3.8 table 9-18."""

    context_id: int
    result: int
    transfer_syntax: str


@dataclass(slots=True)
class _Found:
    """Items of an A-ASSOCIATE-RQ as they are met."""

    application_context: str = ""
    contexts: list[ProposedContext] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    max_length: int = _UNLIMITED


def parse_associate_request(body: bytes) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ without its header (PS3.8 9.3.2). Items we do not know are passed over, as it asks.

    Raises:
        ProtocolError: It is none.
    """
    if len(body) < _FIXED:
        raise ProtocolError("an association request is too short")
    found = _Found()
    for kind, item in _items(body[_FIXED:]):
        if kind == 0x10:
            found.application_context = _uid(item)
        elif kind == 0x20:
            found.contexts.append(_context(item))
        elif kind == 0x50:
            _user_information(item, found)
    ids = [context.context_id for context in found.contexts]
    if not 0 < len(ids) <= _MOST_CONTEXTS or len(set(ids)) < len(ids) or any(number % 2 == 0 for number in ids):
        raise ProtocolError("presentation contexts are missing, too many or badly numbered")
    return AssociateRequest(
        protocol_version=int.from_bytes(body[:2], "big"),
        called_ae_title=_title(body[4:20]),
        calling_ae_title=_title(body[20:36]),
        repeated=body[4:_FIXED],
        application_context=found.application_context,
        contexts=tuple(found.contexts),
        max_length=found.max_length,
        roles=tuple(found.roles),
    )


def associate_accept(
    request: AssociateRequest,
    contexts: Sequence[ContextAnswer],
    roles: Sequence[Role],
    *,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """Return an A-ASSOCIATE-AC (PS3.8 9.3.3) that takes PDUs of any length.

    Asynchronous operations, user identity and extended negotiation are not answered: that means one operation at a
    time, no identity service and no extension (PS3.7 D.3.3).
    """
    user_information = _item(0x51, _UNLIMITED.to_bytes(4, "big")) + _item(0x52, implementation_class_uid.encode())
    for role in roles:
        uid = role.sop_class_uid.encode()
        user_information += _item(0x54, len(uid).to_bytes(2, "big") + uid + bytes([role.scu, role.scp]))
    user_information += _item(0x55, implementation_version.encode())
    body = b"\0\1\0\0" + request.repeated + _item(0x10, DICOM_APPLICATION.encode())
    for context in contexts:
        head = bytes([context.context_id, 0, context.result, 0])
        body += _item(0x21, head + _item(0x40, context.transfer_syntax.encode()))
    return _pdu(PduType.ASSOCIATE_AC, body + _item(0x50, user_information))


def associate_reject(result: int, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return _pdu(PduType.ASSOCIATE_RJ, bytes([0, result, source, reason]))


def release_reply() -> bytes:
    """Return an A-RELEASE-RP (PS3.8 9.3.7)."""
    return _pdu(PduType.RELEASE_RP, bytes(4))


def abort(*, by_provider: bool, reason: AbortReason = AbortReason.NOT_SPECIFIED) -> bytes:
    """Return an A-ABORT (PS3.8 9.3.8); a reason is only given by the service provider."""
    return _pdu(PduType.ABORT, bytes([0, 0, 2, reason]) if by_provider else bytes(4))


def command_pdus(context_id: int, command: bytes, max_length: int) -> bytes:
    """Return a command set as P-DATA-TF, in as many pieces as the other side's greatest length asks for."""
    room = len(command) if max_length == _UNLIMITED else max(1, max_length - PDV_HEADER.size)
    pdus = b""
    for start in range(0, len(command), room):
        piece = command[start : start + room]
        control = COMMAND_BIT | (LAST_BIT if start + room >= len(command) else 0)
        pdus += _pdu(PduType.P_DATA, PDV_HEADER.pack(len(piece) + 2, context_id, control) + piece)
    return pdus


def _pdu(kind: PduType, body: bytes) -> bytes:
    return PDU_HEADER.pack(kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        if len(data) - position < _ITEM.size:
            raise ProtocolError("an item is cut off")
        kind, length = _ITEM.unpack_from(data, position)
        position += _ITEM.size
        if length > len(data) - position:
            raise ProtocolError("an item is longer than what holds it")
        yield kind, data[position : position + length]
        position += length


def _context(item: bytes) -> ProposedContext:
    if len(item) < 4:
        raise ProtocolError("a presentation context is too short")
    parts = list(_items(item[4:]))
    abstract = [_uid(part) for kind, part in parts if kind == 0x30]
    if len(abstract) != 1:
        raise ProtocolError("a presentation context has not one abstract syntax")
    return ProposedContext(item[0], abstract[0], tuple(_uid(part) for kind, part in parts if kind == 0x40))


def _user_information(item: bytes, found: _Found) -> None:
    for kind, part in _items(item):
        if kind == 0x51:
            if len(part) != 4:
                raise ProtocolError("the maximum length has not four bytes")
            found.max_length = int.from_bytes(part, "big")
        elif kind == 0x54:
            length = int.from_bytes(part[:2], "big")
            if len(part) != length + 4:
                raise ProtocolError("a role selection has another length than it says")
            found.roles.append(Role(_uid(part[2:-2]), part[-2] == 1, part[-1] == 1))


def _uid(data: bytes) -> str:
    return data.decode("ascii", "replace").strip("\0 ")


def _title(data: bytes) -> str:
    return data.decode("ascii", "replace").strip("\0 ")
