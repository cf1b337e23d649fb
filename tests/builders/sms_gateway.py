"""A separate process that takes short messages as a hospital's gateway does; the first ones may be refused.

Run as `python -m tests.builders.sms_gateway REFUSED`; prints its port, then every message it took as a line of JSON;
stops when its input closes.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    refused = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != "Bearer secret":
            return self.answer(401)
        if Handler.refused > 0:
            Handler.refused -= 1
            return self.answer(503)
        say(json.dumps(body))
        return self.answer(202)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def sms_gateway(*, refused: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Yield the gateway's address and its process, whose output has a line for each message taken."""
    command = [sys.executable, "-m", "tests.builders.sms_gateway", str(refused)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/messages", process
        process.stdin.close()


if __name__ == "__main__":
    Handler.refused = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(str(server.server_port))
    sys.stdin.read()
