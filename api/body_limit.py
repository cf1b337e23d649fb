"""How large a request may be: known before it is read, counted while it comes."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response

HANG_UP = {"Connection": "close"}
"""With a refusal of a body: else the server takes the rest of it, only to throw it away."""


class BodyLimit:
    """ASGI middleware; `limit_of` names the most bytes that an address takes."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self.app = app
        self._limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that says it is too large; stop reading one that becomes so."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit, taken = self._limit_of(scope["path"]), 0
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            await problem_response(413, "too_large", headers=HANG_UP, limit_bytes=limit)(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, headers=HANG_UP)
            return message

        await self.app(scope, counted, send)
