"""Calls to a citizen platform: a hard limit on time and size, and no redirects."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from api.auth.citizen.port import CitizenPlatformUnavailable

_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Budget:
    """The time that everything one person waits for may take together."""

    end: float

    @classmethod
    def of(cls, seconds: float) -> "Budget":
        """Return a budget that begins now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.end - time.monotonic()


def call(method: str, url: str, budget: Budget, **options: Any) -> httpx.Response:  # noqa: ANN401  # httpx's own
    """Return a whole answer, whatever its status.

    Raises:
        CitizenPlatformUnavailable: nothing usable came in time. Its cause is dropped: it would carry the request.
    """
    try:
        return asyncio.run(_call(method, url, budget.left, options))
    except TimeoutError:
        raise CitizenPlatformUnavailable("time limit") from None
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        raise CitizenPlatformUnavailable(type(error).__name__) from None


async def _call(method: str, url: str, seconds: float, options: Mapping[str, Any]) -> httpx.Response:
    # A server that drips a byte now and then keeps each read alive: only a clock outside ends that.
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(timeout=None, follow_redirects=False) as client,  # noqa: S113  # the line above
        client.stream(method, url, **options) as response,
    ):
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MOST_BYTES:
                raise CitizenPlatformUnavailable("answer too large")
        kept = {name: value for name, value in response.headers.items() if name != "content-encoding"}
        return httpx.Response(response.status_code, headers=kept, content=bytes(body))


def read_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        CitizenPlatformUnavailable: it is none.
    """
    try:
        read = answer.json()
    except ValueError:
        raise CitizenPlatformUnavailable("no JSON") from None
    if not isinstance(read, dict):
        raise CitizenPlatformUnavailable("not the agreed form")
    return read
