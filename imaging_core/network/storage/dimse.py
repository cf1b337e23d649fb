"""Command sets of C-STORE and C-ECHO (PS3.7 6.3 and annex E): implicit VR little endian, group 0."""

import struct
from dataclasses import dataclass
from typing import Final

from imaging_core.network.storage.pdu import ProtocolError

COMMAND_BYTES: Final = 64 * 1024
C_STORE: Final = 0x0001
C_ECHO: Final = 0x0030
C_CANCEL: Final = 0x0FFF
RESPONSE: Final = 0x8000

_NO_DATA_SET: Final = 0x0101
_ELEMENT: Final = struct.Struct("<HHL")
_US: Final = struct.Struct("<H")
# (0000,eeee), PS3.7 E.1
_SOP_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0002, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _SOP_INSTANCE = 0x0800, 0x0900, 0x1000


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked for."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


def parse_command(data: bytes) -> Command:
    """Read a command set.

    Raises:
        ProtocolError: It is none, or does not say what it asks for.
    """
    values: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if len(data) - position < _ELEMENT.size:
            raise ProtocolError("a command element is cut off")
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += _ELEMENT.size
        if group != 0 or length > len(data) - position:
            raise ProtocolError("a command set holds what is no command element")
        values[element] = data[position : position + length]
        position += length
    field = _number(values, _FIELD)
    # a C-CANCEL names the request, and has no number of its own
    message_id = _number(values, _RESPONDED_TO if field == C_CANCEL or field & RESPONSE else _MESSAGE_ID)
    return Command(
        field=field,
        message_id=message_id,
        has_data_set=_number(values, _DATA_SET_TYPE) != _NO_DATA_SET,
        sop_class_uid=_text(values.get(_SOP_CLASS, b"")),
        sop_instance_uid=_text(values.get(_SOP_INSTANCE, b"")),
    )


def response(command: Command, status: int) -> bytes:
    """Return the command set that answers."""
    elements = b""
    if command.sop_class_uid:
        elements += _uid_element(_SOP_CLASS, command.sop_class_uid)
    elements += _us_element(_FIELD, command.field | RESPONSE)
    elements += _us_element(_RESPONDED_TO, command.message_id)
    elements += _us_element(_DATA_SET_TYPE, _NO_DATA_SET)
    elements += _us_element(_STATUS, status)
    if command.sop_instance_uid:
        elements += _uid_element(_SOP_INSTANCE, command.sop_instance_uid)
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<L", len(elements)) + elements


def _number(values: dict[int, bytes], element: int) -> int:
    value = values.get(element, b"")
    if len(value) != _US.size:
        raise ProtocolError(f"command element (0000,{element:04X}) is missing or no number")
    return int(_US.unpack(value)[0])


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")


def _us_element(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0, element, 2) + _US.pack(value)


def _uid_element(element: int, uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)  # PS3.5 6.2: UI values are padded with NULL
    return _ELEMENT.pack(0, element, len(value)) + value
