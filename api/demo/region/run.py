"""Running a region: platform, second hospital and ours as processes of their own, stopped together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from api.demo.region.layout import Place, Region
from api.processes.parent import PARENT
from api.processes.ports import is_free
from api.processes.ready import marker

READY = "demo-hospital"
_READY_SECONDS = 900
"""The first start draws the images."""
_STOP_SECONDS = 45


class RegionFailed(Exception):
    """A part of the region did not come up, or ended."""


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: Callable[[], bool]


class RunningRegion:
    """The processes of a region."""

    def __init__(self, region: Region, *, small: bool) -> None:
        self._region = region
        self._small = small
        self._parts: list[_Part] = []
        self._stopping = False

    def start(self, say: Callable[[str], None]) -> None:
        """Start all and wait until each answers and has its people.

        Raises:
            RegionFailed: says which part, and where its log is.
        """
        region = self._region
        port = str(region.platform_port)
        arguments = ["platform", "--data", str(region.platform), "--port", port]
        self._launch("Platform", arguments, region.platform, lambda: not is_free("127.0.0.1", region.platform_port))
        for name, place, which in (("Second", region.second, "second"), ("Ours", region.ours, "ours")):
            self._launch_hospital(name, place, which)
        for part in self._parts:
            self._await(part)
            if self._stopping:
                return
            say(part.name)

    def watch(self) -> None:
        """Block until asked to stop. Raises `RegionFailed` when a part ends."""
        while not self._stopping:
            for part in self._parts:
                if part.process.poll() is not None and not self._stopping:
                    raise RegionFailed(f"{part.name} ended: see {part.log}")
            time.sleep(0.3)

    def ask_to_stop(self) -> None:
        """Make `start` and `watch` return; safe in a signal handler."""
        self._stopping = True

    def stop(self) -> None:
        """Stop all; the platform last, so that nobody misses it."""
        self._stopping = True
        deadline = time.monotonic() + _STOP_SECONDS
        for part in reversed(self._parts):
            if part.process.poll() is None:
                part.process.send_signal(signal.SIGTERM)
        for part in reversed(self._parts):
            try:
                part.process.wait(timeout=max(deadline - time.monotonic(), 1))
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()

    def _launch_hospital(self, name: str, place: Place, which: str) -> None:
        ready = marker(place.data, READY)
        ready.unlink(missing_ok=True)
        arguments = ["hospital", which, "--data", str(place.data), *(["--small"] if self._small else [])]
        self._launch(name, arguments, place.data, ready.exists)

    def _launch(self, name: str, arguments: list[str], folder: Path, ready: Callable[[], bool]) -> None:
        # what is set for an installation in this shell would be set for both hospitals alike
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MINGYING_")}
        log = folder / "region.log"
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "api.cli", "demo", *arguments],
                env={**inherited, PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches us; we stop the others in order
            )
        self._parts.append(_Part(name, process, log, ready))

    def _await(self, part: _Part) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and not self._stopping:
            if part.ready():
                return
            if part.process.poll() is not None:
                break
            time.sleep(0.1)
        if not self._stopping:
            raise RegionFailed(f"{part.name} did not start: see {part.log}")
