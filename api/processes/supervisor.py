"""`mingying up`: start every process, wait until each is ready, restart one that dies, stop all cleanly."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from api.processes import private_redis
from api.processes.parent import PARENT
from api.processes.ports import reachable
from api.processes.ready import marker
from api.processes.system import apart_from_the_terminal, ask_to_end
from api.settings import Settings

_READY_SECONDS = 60
_STOP_SECONDS = 25
_CALM_SECONDS = 60
_LOOK_SECONDS = 2
_MOST_RESTARTS = 5


class NotReady(Exception):
    """A process did not come up."""


@dataclass(slots=True)
class _Child:
    name: str
    arguments: list[str]
    address: str
    ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)


class Supervisor:
    """All processes of one installation."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._redis: subprocess.Popen[bytes] | None = None
        self._children = self._plan()
        self._stopping = False
        self._environment = {
            **os.environ,
            "MINGYING_DATA": str(settings.data.absolute()),
            "MINGYING_MODE": settings.mode,
            "MINGYING_HTTP__PORT": str(settings.http.port),
            PARENT: str(os.getpid()),
            # the C library gives each thread a heap of its own otherwise, and keeps in them what images took
            "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        }

    def start(self) -> None:
        """Start everything and say one line a service.

        Raises:
            NotReady: a process died or did not answer in time; those that run are stopped.
        """
        if not self._settings.redis_url:
            private_redis.stop_orphan(self._settings.data)
            self._redis = private_redis.start(self._settings.data)
            self._say("Redis       private, in the data folder")
        for child in self._children:
            self._launch(child)
        for child in self._children:
            self._await(child)
            if self._stopping:
                return
            self._say(f"{child.name:<11} {child.address}")

    def watch(self) -> None:
        """Block until `stop`; start a process that died again, and give up when it keeps dying.

        Raises:
            NotReady: a process died too often.
        """
        look_again = 0.0
        while not self._stopping:
            for child in self._children:
                if child.process is not None and child.process.poll() is not None and not self._stopping:
                    self._say(f"{child.name} ended unexpectedly and is started again")
                    self._launch(child)
            if self._redis is not None and self._redis.poll() is not None and not self._stopping:
                self._say("Redis ended unexpectedly and is started again")
                self._redis = private_redis.start(self._settings.data)
            if self._redis is not None and time.monotonic() > look_again:
                private_redis.keep_writable(self._settings.data)
                look_again = time.monotonic() + _LOOK_SECONDS
            time.sleep(0.3)

    def ask_to_stop(self) -> None:
        """Make `watch` return; safe in a signal handler."""
        self._stopping = True

    def stop(self) -> None:
        """Stop all: intake first, Redis last, so that nothing is cut off in the middle."""
        self._stopping = True
        running = [child.process for child in reversed(self._children) if child.process is not None]
        for process in running:
            if process.poll() is None:
                ask_to_end(process)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in [*running, *([self._redis] if self._redis else [])]:
            if process is self._redis and process.poll() is None:
                process.terminate()
            try:
                process.wait(timeout=max(deadline - time.monotonic(), 1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _plan(self) -> list[_Child]:
        settings = self._settings
        http, dicom, hl7 = settings.http, settings.dicom, settings.hl7
        over_tls = f", TLS {dicom.tls.port}" if dicom.tls.certificate else ""
        receivers_ready, worker_ready = marker(settings.data, "scp"), marker(settings.data, "worker")
        for path in (receivers_ready, worker_ready):
            path.unlink(missing_ok=True)
        return [
            _Child("Web", ["serve"], f"http://{http.host}:{http.port}", lambda: _healthy(http.host, http.port)),
            _Child(
                "Receivers",
                ["scp"],
                f"DICOM {dicom.ae_title}@{dicom.host}:{dicom.port}{over_tls}, HL7 (MLLP) {hl7.host}:{hl7.port}",
                receivers_ready.exists,
            ),
            _Child("Worker", ["worker", "--alone"], "follows the change feed", worker_ready.exists),
        ]

    def _launch(self, child: _Child) -> None:
        now = time.monotonic()
        child.started = [at for at in child.started if now - at < _CALM_SECONDS] + [now]
        if len(child.started) > _MOST_RESTARTS:
            raise NotReady(f"{child.name} ends again and again: see the log above")
        with self._log(child).open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "api.cli", *child.arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                stdout=subprocess.DEVNULL,
                **apart_from_the_terminal(),
            )

    def _log(self, child: _Child) -> Path:
        path: Path = self._settings.data / "logs" / f"{child.arguments[0]}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o640)
        return path

    def _await(self, child: _Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and not self._stopping:
            if child.process is not None and child.process.poll() is not None:
                break
            if child.ready():
                return
            time.sleep(0.05)
        if not self._stopping:
            raise NotReady(f"{child.name} did not start: see {self._log(child)}")


def _healthy(host: str, port: int) -> bool:
    address = reachable(host)
    address = f"[{address}]" if ":" in address else address
    try:
        return httpx.get(f"http://{address}:{port}/health", timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
