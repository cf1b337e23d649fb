"""Headers every answer carries, and the refusal of requests that another site sends in a patient's name."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# 'wasm-unsafe-eval' and blob: workers are what the image decoders need.
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {script}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'self' blob:; frame-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)


class SecurityHeaders:
    """ASGI middleware. `script_hashes` are those of the built pages' inline scripts."""

    def __init__(self, app: ASGIApp, script_hashes: tuple[str, ...] = ()) -> None:
        self.app = app
        policy = _POLICY.format(script=" ".join(f"'{value}'" for value in script_hashes))
        self._headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "permissions-policy": "camera=(self), microphone=(), geolocation=()",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse cross-site changes, add the headers to the rest."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        site = Headers(scope=scope).get("sec-fetch-site", "same-origin")
        if scope["method"] not in _SAFE_METHODS and site == "cross-site":
            await problem_response(403, "cross_site")(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, add)
