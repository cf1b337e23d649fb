"""An archive that is measured, and how requests are fanned out over its connections."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.errors import BenchError

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Archive:
    """What a workload needs to know of an archive."""

    http_port: int
    dicom_port: int
    ae_title: str
    key: str
    cpu_seconds: Callable[[], float]
    proportional_bytes: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one workload, one archive, one round."""

    per_second: float
    cpu_ms: float


def measured(target: Archive, items: int, work: Callable[[], object]) -> Measured:
    """Return how fast `items` were done, and what each cost the archive."""
    cpu, started = target.cpu_seconds(), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Measured(items / seconds, 1000 * (target.cpu_seconds() - cpu) / items)


def side_by_side(connections: int, jobs: Sequence[Job], do: Callable[[Sequence[Job]], object]) -> None:
    """Do the jobs on several connections at once, each with its share.

    Raises:
        BenchError: One of them failed.
    """
    failed: list[BaseException] = []

    def share(number: int) -> None:
        try:
            do(jobs[number::connections])
        except Exception as error:  # noqa: BLE001  # raised below, in the caller's thread
            failed.append(error)

    threads = [threading.Thread(target=share, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise BenchError(f"a connection failed: {failed[0]}") from failed[0]


class Reader:
    """One HTTP/1.1 connection that is kept, without delayed small packets."""

    def __init__(self, target: Archive) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", target.http_port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Authorization": f"Bearer {target.key}"} if target.key else {}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, accept: str, **headers: str) -> bytes:
        """Return the body.

        Raises:
            BenchError: The answer is no success.
        """
        self._connection.request("GET", f"/dicom-web{path}", headers={**self._headers, "Accept": accept, **headers})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise BenchError(f"{path} was answered with status {answer.status}")
        return body
