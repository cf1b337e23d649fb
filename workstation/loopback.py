"""The door on this machine by which a HIS wakes the panel: `POST http://127.0.0.1:PORT/wake`."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from workstation import __version__
from workstation.launches import NotALaunch, launch_address
from workstation.settings import DeskSettings
from workstation.system import SHARES_PORTS

_MOST_BYTES = 4096
_SECONDS = 5


class LoopbackDoor(ThreadingHTTPServer):
    """Listens on loopback alone. `on_wake` is called in a thread of the server."""

    daemon_threads = True
    allow_reuse_address = not SHARES_PORTS

    def __init__(self, settings: DeskSettings, on_wake: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", settings.port), _Handler)
        self.settings = settings
        self.on_wake = on_wake
        port = self.server_address[1]
        # A name of somebody else's that points here (DNS rebinding) brings its own name in Host.
        self.own_names = {f"127.0.0.1:{port}", f"localhost:{port}"}

    def serve_in_background(self) -> None:
        """Answer in a thread that ends with the process."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="loopback", daemon=True).start()


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackDoor
    timeout = _SECONDS
    server_version, sys_version = f"MingyingWorkstation/{__version__}", ""

    def do_OPTIONS(self) -> None:
        self._answer(self._preflight)

    def do_POST(self) -> None:
        self._answer(self._wake)

    def do_GET(self) -> None:
        self._answer(self._only_post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401  # as the base class has it
        """Keep no log: a launch may stand in what would be written."""

    def _answer(self, act: Callable[[], HTTPStatus]) -> None:
        try:
            self._check_caller()
            status, body = act(), {}
        except _Refused as refused:
            status, body = refused.status, {"code": refused.code, "detail": str(refused)}
        written = json.dumps(body).encode() if body else b""
        self.send_response(status)
        for name, value in self._for_the_page().items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(written)

    def _check_caller(self) -> None:
        if self.headers.get("Host", "") not in self.server.own_names:
            raise _Refused(HTTPStatus.FORBIDDEN, "host_refused", "the Host header does not name this machine")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in self.server.settings.his_origins:
            raise _Refused(HTTPStatus.FORBIDDEN, "origin_refused", "the page's origin is not among his_origins")
        if self.path != "/wake":
            raise _Refused(HTTPStatus.NOT_FOUND, "not_found", "only /wake is here")

    def _for_the_page(self) -> dict[str, str]:
        """Return what lets a page of the HIS call from another origin, and from a network into this machine."""
        origin = self.headers.get("Origin")
        if origin is None or origin not in self.server.settings.his_origins:
            return {}
        allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if self.command == "OPTIONS":
            allowed |= {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type"}
            allowed |= {"Access-Control-Allow-Private-Network": "true", "Access-Control-Max-Age": "600"}
        return allowed

    def _preflight(self) -> HTTPStatus:
        if "Origin" not in self.headers:
            raise _Refused(HTTPStatus.BAD_REQUEST, "origin_missing", "a preflight names its origin")
        return HTTPStatus.NO_CONTENT

    def _only_post(self) -> HTTPStatus:
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "wake by POST")

    def _wake(self) -> HTTPStatus:
        self.server.on_wake(self._launch())
        return HTTPStatus.ACCEPTED

    def _launch(self) -> str:
        if self.headers.get_content_type() != "application/json":  # what a page may send without asking first
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "Content-Type is application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "length_missing", "Content-Length is missing")
        if int(length) > _MOST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"at most {_MOST_BYTES} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "invalid_request", "the body is no JSON") from error
        if not isinstance(body, dict) or set(body) != {"url"} or not isinstance(body["url"], str):
            raise _Refused(HTTPStatus.BAD_REQUEST, "invalid_request", 'the body is {"url": "…"} and nothing else')
        try:
            return launch_address(body["url"], self.server.settings.server)
        except NotALaunch as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "not_a_launch", str(error)) from error
