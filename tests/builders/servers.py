"""Separate server processes for tests: started on a free port, waited for, ended by their own handle."""

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from api.processes.ports import is_free

_FIRST, _EACH, _WORKERS = 12_000, 2_000, 10
"""Below the ports the system gives to outgoing connections: one of those may be taken before the server listens."""
_given = random.randrange(_EACH)


def free_port() -> int:
    """Return a port nobody listens on right now, and no other worker of this run is given."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of `count` ports in a row nobody listens on right now."""
    global _given
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    for _ in range(_EACH):
        first = _given if _given + count <= _EACH else 0
        _given = first + count
        ports = range(_FIRST + worker * _EACH + first, _FIRST + worker * _EACH + first + count)
        if all(is_free("127.0.0.1", port) for port in ports):
            return ports[0]
    raise AssertionError("no ports are free")


@contextlib.contextmanager
def running(command: Sequence[str | Path], *, port: int, log: Path, wait_seconds: float = 90) -> Iterator[int]:
    """Run a server until the block ends; its output goes to `log`. Yields the port once it answers."""
    with log.open("wb") as output:
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is true; return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := true():
            return result
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")
