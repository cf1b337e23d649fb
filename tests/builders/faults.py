"""A way to another server that fails on command: refuses, answers with an error, or is slow."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Literal

from tests.builders.servers import free_port

Mode = Literal["passing", "error", "slow"]
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SLOW_SECONDS = 0.05


class FaultyWay:
    """Passes bytes on to a server, or does not. `mode` may change at any time."""

    def __init__(self, port: int, to: int) -> None:
        self.port = port
        self.mode: Mode = "passing"
        self._to = to

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if self.mode == "error":
                        client.sendall(_ERROR)
                        break
                    if self.mode == "slow":
                        time.sleep(_SLOW_SECONDS)
                    server.sendall(data)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def faulty_way(to: int) -> Iterator[FaultyWay]:
    """Yield a way to a port of this machine."""
    way = FaultyWay(free_port(), to)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            way.carry(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", way.port), Handler, bind_and_activate=False) as server:
        server.allow_reuse_address = server.daemon_threads = True
        server.server_bind()
        server.server_activate()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield way
        finally:
            server.shutdown()
