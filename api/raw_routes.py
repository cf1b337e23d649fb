"""Routes that speak ASGI themselves, for bytes in bulk: declared and refused like others, answered without detours.

`RawRoute` stands among the application's routes with one access rule, which it asks itself before its handler. The
`ExpressLane` answers before the application's layers what callers ask whose key was checked a moment ago. Whatever is
unusual goes the common way, as if nobody had looked at it.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.audit.record import Actor
from api.auth.access import AccessRule, allow
from api.errors import BrokenOff, Problem, describe, problem_response
from api.http_logging import count_request

log = structlog.get_logger(__name__)

Headers = list[tuple[bytes, bytes]]

# what api/security_headers.py says of every answer, as far as it matters to one that is no page
_ALWAYS: Final[Headers] = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Handler(Protocol):
    """Answers a request whose caller was let in."""

    async def __call__(self, request: Request, send: Send) -> None:
        """Send the whole answer, or raise before its beginning."""
        ...


class RawRoute(Route):
    """A route whose handler sends its answer itself."""

    def __init__(self, path: str, handler: Handler, *, methods: Sequence[str], rule: AccessRule) -> None:
        super().__init__(path, endpoint=_Guarded(rule, handler), methods=list(methods), include_in_schema=False)
        self.dependencies = allow(rule)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the log finds the route's template in the scope, as with other routes."""
        scope["route"] = self
        await super().handle(scope, receive, send)


class _Guarded:
    """The handler behind its rule."""

    def __init__(self, rule: AccessRule, handler: Handler) -> None:
        self._rule = rule
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        await run_in_threadpool(self._rule, request)
        await self._handler(request, send)


@dataclass(frozen=True, slots=True)
class QuickAnswer:
    """An answer that is ready: the route it is of, and what sends it."""

    route: str
    status: int
    send: Callable[[Send, Headers], Awaitable[None]]


class Replay:
    """What is read of a request, so that another may read it again from its beginning."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()

    async def __call__(self) -> Message:
        """Return the next message, and keep it."""
        message = await self._receive()
        self._kept.append(message)
        return message

    async def again(self) -> Message:
        """Return what was kept, from its beginning, then what comes."""
        return self._kept.popleft() if self._kept else await self._receive()


@dataclass(frozen=True, slots=True)
class Express:
    """What a lane takes: addresses that begin with `prefix`, of callers that `caller` knows already."""

    prefix: str
    caller: Callable[[str], Actor | None]
    """Given the Authorization header; asks no database."""
    answer: Callable[[Scope, Replay, Actor], Awaitable[QuickAnswer | None]]


class ExpressLane:
    """ASGI middleware, outside all others. It counts requests and writes no line for each: a viewer makes thousands.

    The first of each caller went the common way and has its line there; what was retrieved or stored is in the audit.
    `express` is given by method; the first that answers does.
    """

    def __init__(self, app: ASGIApp, express: Mapping[str, Sequence[Express]]) -> None:
        self.app = app
        self._express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or hand on."""
        lanes = self._express.get(scope["method"], ()) if scope["type"] == "http" else ()
        took = [lane for lane in lanes if scope["path"].startswith(lane.prefix)]
        if not took:
            await self.app(scope, receive, send)
            return
        began, replay = time.perf_counter(), Replay(receive)
        answer = await self._quick(took, scope, replay)
        if answer is not None:
            await _send(answer, scope, send, began)
        else:
            await self.app(scope, replay.again, send)

    async def _quick(self, lanes: Sequence[Express], scope: Scope, replay: Replay) -> QuickAnswer | None:
        authorization = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
        for lane in lanes if authorization else ():
            actor = lane.caller(authorization)
            try:
                answer = await lane.answer(scope, replay, actor) if actor is not None else None
            except Problem as problem:
                return _refusal(problem)
            except Exception:  # noqa: BLE001  # faults are told the common way, which meets them again
                return None
            if answer is not None:
                return answer
        return None


def _refusal(problem: Problem) -> QuickAnswer:
    return ready(
        "refused",
        problem_response(problem.status, problem.code, detail=problem.detail, headers=problem.headers, **problem.extra),
    )


def ready(route: str, response: Response) -> QuickAnswer:
    """Return a response that is made as a quick answer of a route."""

    async def deliver(send: Send, headers: Headers) -> None:
        begin = {"type": "http.response.start", "status": response.status_code}
        await send({**begin, "headers": [*headers, *response.raw_headers]})
        await send({"type": "http.response.body", "body": response.body})

    return QuickAnswer(route, response.status_code, deliver)


async def _send(answer: QuickAnswer, scope: Scope, send: Send, began: float) -> None:
    status = answer.status
    try:
        await answer.send(send, _ALWAYS)
    except Exception as error:  # noqa: BLE001  # its message may hold a patient's data and goes no further
        status = 500
        log.error("request failed", route=answer.route, **describe(error))
        raise BrokenOff from None
    finally:
        seconds = time.perf_counter() - began
        count_request(scope["method"], answer.route, status, seconds)
