"""Faults on demand: how the simulated platform misbehaves until it is told to stop."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DRIP_SECONDS = 0.1
_ENDLESS = 600


class Fault(StrEnum):
    """One way to misbehave."""

    NONE = "none"
    SLOW = "slow"
    """The answer comes late."""
    SILENT = "silent"
    """No answer comes; the connection stays."""
    DRIP = "drip"
    """A byte now and then."""
    DEAD = "dead"
    """The connection breaks in the middle of the answer."""
    ERROR = "error"
    """HTTP 500."""
    GARBAGE = "garbage"
    """Signed, but no JSON."""
    OTHER_FORM = "other_form"
    """Signed JSON without the agreed fields."""
    REFUSING = "refusing"
    """Signed, and no to everything."""
    BAD_ADDRESS = "bad_address"
    """Signed, with an address that would run as script."""
    UNSIGNED = "unsigned"
    TAMPERED = "tampered"
    """Signed, then changed."""
    REPLAYED = "replayed"
    """Signed for another question."""
    SKEWED = "skewed"
    """Signed by a clock an hour ahead."""


@dataclass
class Faults:
    """The switch, and its ASGI part for what happens to a connection."""

    kind: Fault = Fault.NONE
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._guard = threading.Lock()

    def switch(self, kind: Fault, seconds: float) -> None:
        """Misbehave so from now on."""
        with self._guard:
            self.kind, self.seconds = kind, seconds

    @property
    def clock_error(self) -> timedelta:
        """How wrong the platform's clock is."""
        return timedelta(hours=1) if self.kind is Fault.SKEWED else timedelta(0)


class FaultyConnections:
    """Around the platform's calls: late, silent, dripping and broken answers."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or misbehave."""
        if scope["type"] != "http" or not scope["path"].startswith("/openapi/"):
            return await self._app(scope, receive, send)
        kind = self._faults.kind
        if kind is Fault.SLOW:
            await asyncio.sleep(self._faults.seconds)
        elif kind is Fault.SILENT:
            return await _until_they_leave(receive)
        elif kind is Fault.DRIP:
            return await _drip(send)
        elif kind is Fault.DEAD:
            await send(_head(200, length=1000))
            return await send({"type": "http.response.body", "body": b'{"code":'})
        elif kind is Fault.ERROR:
            await send(_head(500, length=2))
            return await send({"type": "http.response.body", "body": b"no"})
        return await self._app(scope, receive, send)


async def _until_they_leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drip(send: Send) -> None:
    await send(_head(200, length=_ENDLESS))
    for _ in range(_ENDLESS):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(_DRIP_SECONDS)


def _head(status: int, *, length: int) -> Message:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}
