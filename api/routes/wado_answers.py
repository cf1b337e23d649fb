"""Answers made of stored bytes: multipart, ranges, validators; sent piece by piece, never whole in memory."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Send

from api.errors import Problem
from imaging_core.blobs import BlobRef
from imaging_core.retrieve.content import PIECE, Content

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
FOR_EVER = b"private, max-age=31536000, immutable"
_SMALL = 4096
_LOOKED_UP_EVERY = 16
Gone = Callable[[], Awaitable[bool]]
ASK_AGAIN = b"private, no-cache"


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of a blob, no more than a piece."""

    ref: BlobRef
    start: int
    length: int


Body = Sequence[bytes | Stored]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. `length` None: it is not known before the end, and `more` makes the body."""

    content_type: str
    body: Body
    length: int | None
    etag: str = ""
    cache: bytes = ASK_AGAIN
    status: int = 200
    more: Callable[[], AsyncGenerator[bytes]] | None = None
    ranges: bool = False
    headers: Sequence[tuple[bytes, bytes]] = field(default_factory=list)
    vary: bytes = b"accept, authorization"


def stored(ref: BlobRef, start: int, length: int) -> list[Stored]:
    """Return bytes of a blob as pieces."""
    return [Stored(ref, at, min(PIECE, start + length - at)) for at in range(start, start + length, PIECE)]


def length_of(body: Body) -> int:
    """Return the bytes of a body."""
    return sum(part.length if isinstance(part, Stored) else len(part) for part in body)


def part_head(boundary: str, content_type: str, *, first: bool, location: str = "") -> bytes:
    """Return what stands before a part of multipart/related (RFC 2387)."""
    located = f"Content-Location: {location}\r\n" if location else ""
    return f"{'' if first else chr(13) + chr(10)}--{boundary}\r\nContent-Type: {content_type}\r\n{located}\r\n".encode()


def multipart(parts: Iterable[tuple[str, Body]], *, media_type: str, boundary: str, etag: str, cache: bytes) -> Answer:
    """Return an answer with parts, each its content type and body."""
    body: list[bytes | Stored] = []
    for content_type, content in parts:
        body.append(part_head(boundary, content_type, first=not body))
        body += content
    body.append(f"\r\n--{boundary}--\r\n".encode())
    return Answer(related(media_type, boundary), body, length_of(body), etag, cache)


def related(media_type: str, boundary: str) -> str:
    """Return the content type of an answer with parts."""
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


def conditional(answer: Answer, headers: Headers) -> Answer:
    """Return the answer as the client's validators and range want it: whole, a part (206) or nothing new (304).

    Raises:
        Problem: 416, when there is nothing of the range.
    """
    if answer.etag and _matches(headers.get("if-none-match", ""), answer.etag):
        return replace(answer, status=304, body=[], length=0, more=None)
    wanted = headers.get("range")
    if wanted is None or not answer.ranges or answer.length is None:
        return answer
    if (unchanged := headers.get("if-range")) is not None and unchanged != f'"{answer.etag}"':
        return answer
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or not (match[1] or match[2]):
        return answer  # RFC 9110 14.2: several ranges and other units may be answered whole
    return _part(answer, match[1], match[2], answer.length)


def _part(answer: Answer, first: str, last: str, length: int) -> Answer:
    start = int(first) if first else max(length - int(last), 0)
    end = min(int(last) + 1, length) if first and last else length
    if start >= end:
        unsatisfied = {"Content-Range": f"bytes */{length}"}
        raise Problem(416, "range_invalid", headers=unsatisfied, field="Range", length=length)
    headers = [*answer.headers, (b"content-range", f"bytes {start}-{end - 1}/{length}".encode())]
    return replace(answer, status=206, body=_cut(answer.body, start, end), length=end - start, headers=headers)


def _cut(body: Body, start: int, end: int) -> Body:
    cut: list[bytes | Stored] = []
    at = 0
    for part in body:
        size = part.length if isinstance(part, Stored) else len(part)
        low, high = max(start - at, 0), min(end - at, size)
        if low < high:
            cut.append(Stored(part.ref, part.start + low, high - low) if isinstance(part, Stored) else part[low:high])
        at += size
    return cut


def _matches(wanted: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
    return f'"{etag}"' in tags or tags == ["*"]


async def send_answer(
    send: Send,
    content: Content,
    answer: Answer,
    *,
    head: bool = False,
    gone: Gone | None = None,
    more_headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Send an answer. What is wrong with its first bytes is raised before anything is sent.

    A long one ends when `gone` says that nobody takes it any more.
    """
    headers = [*more_headers, *answer.headers, (b"cache-control", answer.cache), (b"vary", answer.vary)]
    if answer.status != 304:
        headers.append((b"content-type", answer.content_type.encode()))
    if answer.etag:
        headers.append((b"etag", f'"{answer.etag}"'.encode()))
    if answer.ranges:
        headers.append((b"accept-ranges", b"bytes"))
    if answer.length is not None and answer.status != 304:
        headers.append((b"content-length", str(answer.length).encode()))
    begin = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if head or answer.status == 304:
        await send(begin)
        await send({"type": "http.response.body", "body": b""})
    elif answer.more is not None:
        await _send_stream(send, begin, answer.more(), gone)
    else:
        await _send_pieces(send, begin, answer.body, content, gone)


async def _send_pieces(send: Send, begin: dict[str, object], body: Body, content: Content, gone: Gone | None) -> None:
    begun, ready = False, b""
    data: bytes | memoryview | None
    last = len(body) - 1
    for index, part in enumerate(body):
        if isinstance(part, Stored):
            data = content.at_once(part.ref, part.start, part.length)
            if data is None:
                data = await run_in_threadpool(content.read, part.ref, part.start, part.length)
        else:
            data = part
            if not begun and index < last and len(data) < _SMALL:
                ready += data  # goes out with the first stored bytes, once these are there
                continue
        if not begun:
            await send(begin)
            begun = True
            if ready:
                await send({"type": "http.response.body", "body": ready, "more_body": True})
        elif gone is not None and index % _LOOKED_UP_EVERY == 0 and await gone():
            return
        await send({"type": "http.response.body", "body": data, "more_body": index < last})
    if not body:
        await send(begin)
        await send({"type": "http.response.body", "body": b""})


async def _send_stream(send: Send, begin: dict[str, object], stream: AsyncGenerator[bytes], gone: Gone | None) -> None:
    begun = False
    async with aclosing(stream) as pieces:
        async for data in pieces:
            if not begun:
                await send(begin)
                begun = True
            elif gone is not None and await gone():
                return
            await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
