"""What separate processes that play an outside service share: a small JSON server on a free port, told how to behave."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx


class Handler(BaseHTTPRequestHandler):
    """Answers with JSON or a redirect; what a test wants of it is posted to /control."""

    wishes: ClassVar[dict[str, Any]] = {}
    """Shared by all connections: the process plays one service."""
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def control(self) -> None:
        Handler.wishes = json.loads(self.body())
        self.answer(200, b"{}")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        if self.path != "/control":
            time.sleep(Handler.wishes.get("seconds", 0))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a caller who does not wait longer
            super().handle()

    def log_message(self, *_):
        """Keep quiet."""


@dataclass(frozen=True)
class Played:
    """A service that is played by a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def wish(self, **wishes: Any) -> None:
        """Say how it behaves from now on; nothing said means well."""
        assert httpx.post(f"{self.url}/control", json=wishes, trust_env=False).status_code == 200

    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/control", trust_env=False).json()
        return answer


@contextlib.contextmanager
def played(module: str) -> Iterator[Played]:
    """Run a module that calls `serve` until the block ends."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Played(f"http://127.0.0.1:{process.stdout.readline().strip()}", process)
        process.stdin.close()


def serve(handler: type[Handler]) -> None:
    """Print the port, then serve until the input closes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
