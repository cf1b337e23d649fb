"""An installation of a workload's own: temporary data folder, free ports, started as a hospital starts it."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from api.processes.ports import is_free
from api.settings import Settings
from bench.errors import BenchError, NeedMissing

_READY_SECONDS = 90
_STOP_SECONDS = 40
ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "artifacts" / "bench"
"""What may be kept between runs: the demo's drawn images."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation."""

    settings: Settings
    process: subprocess.Popen[bytes]
    ready_seconds: float
    """From the start of the command to its word that it is ready."""

    @property
    def base_url(self) -> str:
        """Where its pages are."""
        return f"http://localhost:{self.settings.http.port}"

    def cpu_seconds(self) -> float:
        """Return the processor time that all its processes used so far; ended children are not counted."""
        mine = psutil.Process(self.process.pid)
        return sum(sum(item.cpu_times()[:2]) for item in [mine, *mine.children(recursive=True)])

    def proportional_bytes(self) -> int:
        """Return the memory that all its processes hold, what they share counted once (PSS)."""
        mine = psutil.Process(self.process.pid)
        return sum(item.memory_full_info().pss for item in [mine, *mine.children(recursive=True)])

    def resident_bytes(self) -> int:
        """Return the memory that all its processes hold."""
        mine = psutil.Process(self.process.pid)
        return sum(item.memory_info().rss for item in [mine, *mine.children(recursive=True)])


@contextlib.contextmanager
def running_installation(**settings: str) -> Iterator[Installation]:
    """Run `mingying up` in demo mode on a new folder until the block ends.

    Args:
        settings: Environment variables without `MINGYING_`.

    Raises:
        BenchError: It did not start; the text ends with its log.
    """
    if not (ROOT / "viewer_h5" / "dist" / "index.html").exists():
        raise NeedMissing("the built page", "run `make demo` or `make test` once")
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as folder:
        data = Path(folder)
        environment = environment_of(data, settings)
        started = time.perf_counter()
        with (data / "up.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "api.cli", "up"], env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
            )
        try:
            _wait_until_ready(process, data / "up.log")
            yield Installation(settings_of(data, environment), process, time.perf_counter() - started)
        finally:
            _stop(process)


def free_port() -> int:
    """Return a port nobody listens on right now, below those the system gives to outgoing connections."""
    ports = (20_000 + secrets.randbelow(12_000) for _ in range(1000))
    return next(port for port in ports if is_free("127.0.0.1", port))


def stop_process(process: subprocess.Popen[bytes], *, first: signal.Signals) -> None:
    """End a process we started: politely, then not."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop(process: subprocess.Popen[bytes]) -> None:
    stop_process(process, first=signal.SIGINT)


def environment_of(data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an installation of its own: demo mode, free ports, then `settings`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")}
    own = {
        "DATA": str(data),
        "MODE": "demo",
        "HTTP__PORT": str(free_port()),
        "DICOM__PORT": str(free_port()),
        "HL7__PORT": str(free_port()),
        **settings,
    }
    return {**inherited, **{f"MINGYING_{name}": value for name, value in own.items()}}


def settings_of(data: Path, environment: dict[str, str]) -> Settings:
    """Return the settings the installation runs with, without touching this process's environment."""
    sections: dict[str, dict[str, object]] = {"http": {}, "dicom": {}, "hl7": {}}
    for name, section in sections.items():
        section["port"] = int(environment[f"MINGYING_{name.upper()}__PORT"])
    return Settings(mode="demo", data=data, database_url=environment.get("MINGYING_DATABASE_URL", ""), **sections)  # type: ignore[arg-type]  # pydantic checks the values


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if "Ready." in log.read_text(encoding="utf-8", errors="replace"):
            return
        time.sleep(0.02)
    raise BenchError(f"the service did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def answers(url: str) -> bool:
    """Return whether something answers there over HTTP."""
    try:
        return httpx.get(url, timeout=1, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
