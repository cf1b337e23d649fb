"""Server-sent events that are thought out in a thread, and thought to the end even when nobody listens any more."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Sends each event as it comes.

    A phone that loses its connection finds the whole answer when it comes back: the rest is taken from
    `events` and what they keep is kept. `threads` are apart from those of other requests, so that a slow
    language model never holds up a picture.
    """

    def __init__(self, events: Iterator[dict[str, Any]], threads: CapacityLimiter) -> None:
        self._events = events
        self._threads = threads
        super().__init__(self._encoded(), media_type="text/event-stream", headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events; take those that nobody hears."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(deque, self._events, 0, limiter=self._threads)

    async def _encoded(self) -> AsyncIterator[bytes]:
        while (event := await to_thread.run_sync(next, self._events, None, limiter=self._threads)) is not None:
            yield format_sse_event(data_str=orjson.dumps(event).decode(), event=event["type"])
