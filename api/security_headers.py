"""Headers every answer carries, and the refusal of requests that another site sends in somebody's name."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# 'wasm-unsafe-eval' and blob: workers are what the image decoders need.
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {script}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'self' blob:; frame-src 'self' blob:; frame-ancestors {framers}; base-uri 'none'; form-action 'self'"
)
_FRAMED_PAGE = "/plugin"
_FRAMED_API = "/api/plugin/"


class SecurityHeaders:
    """ASGI middleware.

    `script_hashes` are those of the built pages' inline scripts, `address` is that of this service, pages of
    `his_origins` may show the doctor's plugin in themselves (api/decisions/007).
    """

    def __init__(
        self, app: ASGIApp, script_hashes: tuple[str, ...] = (), address: str = "", his_origins: Sequence[str] = ()
    ) -> None:
        self.app = app
        self._own_host = urlsplit(address).netloc.lower()
        script = " ".join(f"'{value}'" for value in script_hashes)
        self._framed_policy = _POLICY.format(script=script, framers=" ".join(("'self'", *his_origins)))
        self._headers = {
            "content-security-policy": _POLICY.format(script=script, framers="'self'"),
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
        if self._foreign(scope):
            await problem_response(403, "cross_site")(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"] == _FRAMED_PAGE:
                    headers["content-security-policy"] = self._framed_policy
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, add)

    def _foreign(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site", "same-origin")
        if not scope["path"].startswith(_FRAMED_API):
            return scope["method"] not in _SAFE_METHODS and site == "cross-site"
        # its cookie may be let into other sites' pages, so that the request itself must come from the plugin's
        if site not in {"same-origin", "none"}:
            return True
        origin = headers.get("origin")
        ours = {headers.get("host", "").lower(), self._own_host}
        return origin is not None and urlsplit(origin).netloc.lower() not in ours
