"""Reading `multipart/related` (PS3.18 8.6.1.2) as it streams in: each part goes to its own temporary file."""

import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from anyio import to_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_IN_MEMORY = 4 * 1024 * 1024
_BITE = 1024 * 1024
"""Parsed and written to disk at a time, in a thread: the event loop serves others meanwhile."""
_MOST_PARTS = 20_000
_HEADERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*")
_MOST_HEADERS = 8 * 1024
"""Bytes of the headers of one part that are taken at once."""


class InvalidMultipart(Exception):
    """The body is no well-formed multipart/related of DICOM instances."""


class PartTooLarge(Exception):
    """One part is larger than an instance may be."""


@dataclass(slots=True)
class Part:
    """One part of the body; `content` stands at its beginning."""

    content_type: str
    content: BinaryIO
    size: int = 0


@dataclass(slots=True)
class _Reader:
    limit: int
    folder: Path
    done: list[Part] = field(default_factory=list)
    parts: int = 0
    ended: bool = False
    _open: Part | None = None
    _headers: dict[str, str] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""

    def on_part_begin(self) -> None:
        self.parts += 1
        if self.parts > _MOST_PARTS:
            raise InvalidMultipart(f"more than {_MOST_PARTS} parts")
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def on_headers_finished(self) -> None:
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self.folder))  # noqa: SIM115  # closed by who takes the part
        self._open = Part(self._headers.get("content-type", ""), cast(BinaryIO, file))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._open
        if part is None:
            raise InvalidMultipart("data before the headers of its part")
        part.size += end - start
        if part.size > self.limit:
            part.content.close()
            raise PartTooLarge
        part.content.write(data[start:end])

    def on_part_end(self) -> None:
        if self._open is not None:
            self._open.content.seek(0)
            self.done.append(self._open)
            self._open = None

    def on_end(self) -> None:
        self.ended = True

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.on_part_begin,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
            "on_headers_finished": self.on_headers_finished,
            "on_part_data": self.on_part_data,
            "on_part_end": self.on_part_end,
            "on_end": self.on_end,
        }

    def close(self) -> None:
        for part in [*self.done, *([self._open] if self._open else [])]:
            part.content.close()


async def _bites(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    bite = bytearray()
    async for chunk in body:
        bite += chunk
        if len(bite) >= _BITE:
            yield bytes(bite)
            bite.clear()
    yield bytes(bite)


def split_at_once(content_type: str, body: bytes) -> list[bytes] | None:
    """Return the contents of the parts of a whole body in memory; None when anything about it is unusual.

    The quick way for the bodies that senders make. Whatever it does not take, `read_parts` reads and judges.
    """
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if media_type != b"multipart/related" or not boundary or not body.startswith(b"--" + boundary + b"\r\n"):
        return None
    delimiter = b"\r\n--" + boundary
    contents: list[bytes] = []
    at = len(boundary) + 4
    while len(contents) <= _MOST_PARTS:
        # a part without headers begins with the line's end at once
        head_end = at - 2 if body.startswith(b"\r\n", at) else body.find(b"\r\n\r\n", at, at + _MOST_HEADERS)
        end = body.find(delimiter, head_end + 2) if head_end >= 0 else -1
        if end < head_end + 4 or not _HEADERS.fullmatch(body, at, head_end + 2):
            return None
        contents.append(body[head_end + 4 : end])
        at = end + len(delimiter) + 2
        if body.startswith(b"--", at - 2):
            return contents
        if not body.startswith(b"\r\n", at - 2):
            return None
    return None


async def read_parts(
    content_type: str, body: AsyncIterator[bytes], *, part_limit: int, folder: Path
) -> AsyncIterator[Part]:
    """Yield the parts of a body as soon as each is complete. The taker closes `content`; large ones lie in `folder`.

    Raises:
        InvalidMultipart: wrong media type, no boundary, or a body that does not keep to it (also a cut-off one).
        PartTooLarge: a part is larger than `part_limit` bytes.
    """
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if media_type != b"multipart/related" or not boundary:
        raise InvalidMultipart("multipart/related with a boundary is needed")
    reader = _Reader(part_limit, folder)
    parser = MultipartParser(boundary, reader.callbacks())
    try:
        async for bite in _bites(body):
            await to_thread.run_sync(parser.write, bite)
            while reader.done:
                yield reader.done.pop(0)
        if not reader.ended:
            raise InvalidMultipart("the body ends before its closing boundary")
    except MultipartParseError as error:
        raise InvalidMultipart(str(error)) from error
    finally:
        reader.close()
