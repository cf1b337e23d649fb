"""The whole service as separate processes, started as a hospital starts it: `mingying up`."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.builders.servers import free_port

_READY_SECONDS = 90


@dataclass
class RunningService:
    """A running installation and where its doors are."""

    data: Path
    http_port: int
    dicom_port: int
    hl7_port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.http_port}"

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `mingying …` on this installation's data."""
        return subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        )

    def logs(self) -> str:
        """Return everything the processes wrote."""
        files = [*sorted((self.data / "logs").glob("*.log")), self.data / "up.log"]
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')}" for file in files if file.exists())


@contextlib.contextmanager
def running_service(data: Path, *, mode: str = "demo", **settings: str) -> Iterator[RunningService]:
    """Run an installation until the block ends. `settings` are environment variables without `MINGYING_`."""
    data.mkdir(parents=True, exist_ok=True)
    http, dicom, hl7 = free_port(), free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MINGYING_")},
        "MINGYING_DATA": str(data),
        "MINGYING_MODE": mode,
        "MINGYING_HTTP__PORT": str(http),
        "MINGYING_DICOM__PORT": str(dicom),
        "MINGYING_HL7__PORT": str(hl7),
        "MINGYING_DERIVE_QUIET_SECONDS": "0.5",
        **{f"MINGYING_{name}": value for name, value in settings.items()},
    }
    with (data / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "up"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    service = RunningService(data, http, dicom, hl7, environment, process)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(service: RunningService) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        if "Ready." in (service.data / "up.log").read_text():
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{service.base_url}/health", trust_env=False).status_code == 200:
                    return
        time.sleep(0.1)
    raise RuntimeError(f"the service did not start:\n{service.logs()[-4000:]}")
