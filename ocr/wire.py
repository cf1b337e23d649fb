"""How the reading process and its owner talk: frames of JSON and bytes on pipes.

JSON and not pickle, because the process reads hostile pictures: what comes back from it is data, never code.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import IO, Any

from ocr.types import Box, Doubt, Field, LabRow, Reading, Refusal

_LENGTH = struct.Struct(">I")
_LONGEST = 256 * 1024 * 1024


def send(stream: IO[bytes], message: Mapping[str, Any], payload: bytes = b"") -> None:
    """Write one message with its bytes."""
    head = json.dumps(message, ensure_ascii=False).encode()
    for part in (head, payload):
        stream.write(_LENGTH.pack(len(part)))
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one message; None at the end of the stream.

    Raises:
        ValueError: The other side does not keep to the format.
    """
    head = _part(stream)
    if head is None:
        return None
    payload = _part(stream)
    if payload is None:
        return None
    message = json.loads(head)
    if not isinstance(message, dict):
        raise ValueError("a message must be a JSON object")
    return message, payload


def _part(stream: IO[bytes]) -> bytes | None:
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    if length > _LONGEST:
        raise ValueError(f"a part of {length} bytes is too long")
    part = stream.read(length)
    return part if len(part) == length else None


def reading_to_json(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON values."""
    return asdict(reading)


def reading_from_json(data: Mapping[str, Any]) -> Reading:
    """Return the reading.

    Raises:
        ValueError: Fields are missing or have the wrong shape.
    """
    try:
        values = dict(data)
        values["fields"] = {str(key): _boxed(Field, field) for key, field in data["fields"].items()}
        values["rows"] = tuple(_boxed(LabRow, row) for row in data["rows"])
        values["doubts"] = tuple(_boxed(Doubt, doubt) for doubt in data["doubts"])
        values["refusal"] = None if data["refusal"] is None else Refusal(data["refusal"])
        return Reading(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a reading: {error}") from error


def _boxed(kind: type[Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one builder for three dataclasses
    box = values["box"]
    return kind(**{**values, "box": None if box is None else Box(**box)})
