"""Messages between the deriver and its rendering child, over two pipes.

A message is a 4-byte length, a JSON head, and as many bytes as the head's `sizes` say. Asked:
`{transfer_syntax_uid, sizes: [instance]}`. The child says `ready` once, then answers each instance with one `frame`
or `failed` for each frame and one `end`. With a `task` it answers what `imaging_core.retrieve.decoding` asks: frames or
the instance in another transfer syntax, or one picture, and `end`. Neither side writes while the other does, so the
pipes cannot block each other.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import orjson

_LENGTH: Final = struct.Struct("<L")
_LARGEST_HEAD: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message: what the head says, and its payloads."""

    head: dict[str, Any]
    payloads: Sequence[bytes]


def send(pipe: BinaryIO, head: dict[str, Any], payloads: Sequence[bytes] = ()) -> None:
    """Write one message."""
    send_pieces(pipe, head | {"sizes": [len(payload) for payload in payloads]}, payloads)


def send_pieces(pipe: BinaryIO, head: dict[str, Any], pieces: Iterable[bytes]) -> None:
    """Write one message whose head holds the `sizes`; the payloads come in pieces of any length."""
    raw = orjson.dumps(head)
    pipe.write(_LENGTH.pack(len(raw)) + raw)
    for piece in pieces:
        pipe.write(piece)
    pipe.flush()


def receive(pipe: BinaryIO) -> Message | None:
    """Read one message; None when the other side is gone, in whatever place."""
    raw_length = pipe.read(_LENGTH.size)
    if len(raw_length) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(raw_length)[0]
    if length > _LARGEST_HEAD:
        return None
    raw = pipe.read(length)
    if len(raw) < length:
        return None
    head = orjson.loads(raw)
    payloads = []
    for size in head["sizes"]:
        payload = pipe.read(size)
        if len(payload) < size:
            return None
        payloads.append(payload)
    return Message(head, payloads)
