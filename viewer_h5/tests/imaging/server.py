"""Serves a built page and the phantom study in the shape of docs/patient-api.md, with faults on demand.

Run `python server.py DIST [--warm]`; the first line printed is the port, with `--warm` after every picture of the CT
was made, so that making them does not count in a measurement. `POST /control` sets faults, `GET /control`
lists the requests seen.
"""

from __future__ import annotations

import gzip
import json
import mimetypes
import re
import sys
import threading
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imagecodecs
import phantom

FRAME = re.compile(r"/api/patient/studies/[\d.]+/instances/(?P<sop>[\d.]+)/frames/(?P<n>\d+)(?P<what>/\w+)?$")
COMPRESSIBLE = {".js", ".css", ".html", ".wasm", ".json"}


class State:
    """Faults to come and requests seen; shared by the server's threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.faults: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []

    def take(self, fault: str) -> bool:
        with self.lock:
            left = self.faults.get(fault, 0)
            self.faults[fault] = max(0, left - 1)
            return left > 0


class Handler(BaseHTTPRequestHandler):
    """Static files, the patient's API, the control channel."""

    protocol_version = "HTTP/1.1"
    dist: Path
    state: State

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: a test's output is its verdict."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.state.lock:
            self.state.faults = body
            self.state.requests.clear()
        self.answer(204, b"", "text/plain")

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/control":
            return self.json(self.state.requests)
        if not path.startswith("/api/"):
            return self.static(path)
        with self.state.lock:
            self.state.requests.append({"path": self.path, "accept": self.headers.get("Accept", "")})
        return self.api(path)

    def api(self, path: str) -> None:
        if path.endswith("/first-screen"):
            series = [phantom.brief(s) for s in phantom.SERIES]
            return self.json({"series": series, "study": {"study_instance_uid": phantom.STUDY}})
        if path.endswith("/manifest"):
            if self.state.take("preparing"):
                return self.json({"state": "preparing"}, 202)
            return self.answer(200, manifest_bytes(), "application/json", encoding="gzip")
        found = FRAME.search(path)
        if not found:
            return self.answer(404, b"{}", "application/problem+json")
        return self.frame(found["sop"], int(found["n"]), found["what"])

    def frame(self, sop: str, number: int, what: str | None) -> None:
        series, _ = phantom.BY_SOP[sop]
        if what == "/thumbnail":
            return self.answer(200, phantom.preview(sop, number, 128), "image/jpeg", cached=True)
        if self.state.take("previews" if what else "frames"):
            return self.answer(503, b"{}", "application/problem+json")
        if what == "/preview":
            return self.answer(200, phantom.preview(sop, number), "image/jpeg", cached=True)
        if not series.web_frame:
            return self.answer(404, b"{}", "application/problem+json")
        if self.headers.get("Accept") == "application/octet-stream":
            return self.answer(200, phantom.stored(sop, number).tobytes(), "application/octet-stream", cached=True)
        if self.state.take("garbage"):
            return self.answer(200, b"\xff\x4f\xff\x51 no picture", "image/jphc")
        return self.answer(200, phantom.htj2k(sop, number), "image/jphc", cached=True)

    def static(self, path: str) -> None:
        file = (self.dist / path.lstrip("/")).resolve()
        if path == "/favicon.ico":
            return self.answer(204, b"", "image/x-icon")
        if path == "/":
            file = self.dist / "index.html"
        if not file.is_file() or not file.is_relative_to(self.dist):
            return self.answer(404, b"", "text/plain")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if file.suffix in COMPRESSIBLE and "br" in self.headers.get("Accept-Encoding", ""):
            return self.answer(200, brotli_bytes(file), kind, encoding="br", cached="assets" in path)
        return self.answer(200, file.read_bytes(), kind, cached="assets" in path)

    def json(self, body: object, status: int = 200) -> None:
        self.answer(status, json.dumps(body).encode(), "application/json")

    def answer(self, status: int, body: bytes, kind: str, *, encoding: str = "", cached: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Accept")
        self.send_header("Cache-Control", "private, max-age=31536000, immutable" if cached else "no-store")
        # what a strict deployment sends: the pane must live with it
        self.send_header(
            "Content-Security-Policy",
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' blob:; font-src 'self' data:; worker-src 'self'; connect-src 'self'",
        )
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)


@lru_cache(maxsize=1)
def manifest_bytes() -> bytes:
    """The manifest, gzipped once."""
    return gzip.compress(json.dumps(phantom.manifest()).encode())


@lru_cache(maxsize=64)
def brotli_bytes(file: Path) -> bytes:
    """A static file as a deployment would precompress it."""
    return bytes(imagecodecs.brotli_encode(file.read_bytes(), level=6))


def main() -> None:
    """Serve until killed."""
    Handler.dist = Path(sys.argv[1]).resolve()
    Handler.state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    for file in Handler.dist.rglob("*.*"):
        if file.suffix in COMPRESSIBLE:
            brotli_bytes(file)
    manifest_bytes()
    if "--warm" in sys.argv:
        for instance in range(phantom.CT_SLICES):
            phantom.preview(phantom.SERIES[0].sop(instance), 1)
            phantom.htj2k(phantom.SERIES[0].sop(instance), 1)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
