"""Routes that speak ASGI themselves, for bytes in bulk: declared and refused like others, answered without detours.

`RawRoute` stands among the application's routes with one access rule, which it asks itself before its handler. The
`ExpressLane` answers before the application's layers what needs no question to the database: its caller's key was
checked and its retrieval recorded a moment ago. Whatever is unusual goes the common way.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

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


@dataclass(frozen=True, slots=True)
class Express:
    """What the lane takes: addresses that begin with `prefix`, of callers that `caller` knows already."""

    prefix: str
    caller: Callable[[str], Actor | None]
    """Given the Authorization header; asks no database."""
    answer: Callable[[Scope, Actor], Awaitable[QuickAnswer | None]]


class ExpressLane:
    """ASGI middleware, outside all others. It counts requests and writes no line for each: a viewer makes thousands.

    The first of each caller went the common way and has its line there; what was retrieved is in the audit.
    """

    def __init__(self, app: ASGIApp, express: Express) -> None:
        self.app = app
        self._express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or hand on."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(self._express.prefix):
            began = time.perf_counter()
            answer = await self._quick(scope)
            if answer is not None:
                await _send(answer, scope, send, began)
                return
        await self.app(scope, receive, send)

    async def _quick(self, scope: Scope) -> QuickAnswer | None:
        authorization = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
        actor = self._express.caller(authorization.decode("latin-1")) if authorization else None
        if actor is None:
            return None
        try:
            return await self._express.answer(scope, actor)
        except Problem as problem:
            return _refusal(problem)
        except Exception:  # noqa: BLE001  # faults are told the common way, which meets them again
            return None


def _refusal(problem: Problem) -> QuickAnswer:
    response = problem_response(
        problem.status, problem.code, detail=problem.detail, headers=problem.headers, **problem.extra
    )

    async def deliver(send: Send, headers: Headers) -> None:
        begin = {"type": "http.response.start", "status": response.status_code}
        await send({**begin, "headers": [*headers, *response.raw_headers]})
        await send({"type": "http.response.body", "body": response.body})

    return QuickAnswer("refused", problem.status, deliver)


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
