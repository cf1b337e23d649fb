"""Orthanc as a peer: started by us on a new folder, tuned as its book says, durable as we are."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.errors import BenchError, NeedMissing
from bench.installation import answers, free_port, stop_process

_PLUGIN = "libOrthancDicomWeb.so"
_PLUGIN_FOLDERS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc/plugins", "/usr/local/share/orthanc/plugins")
_READY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running Orthanc."""

    process: subprocess.Popen[bytes]
    http_port: int
    dicom_port: int

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    def proportional_bytes(self) -> int:
        """Return the memory it holds (PSS)."""
        return int(psutil.Process(self.process.pid).memory_full_info().pss)


@contextlib.contextmanager
def running_orthanc() -> Iterator[Orthanc]:
    """Run Orthanc with SQLite and its DICOMweb plugin until the block ends.

    `SyncStorageArea` is on: like us it acknowledges only what is on disk. `TCP_NODELAY=1` quadruples its C-STORE
    rate with small answers; the tuned one is the one to compare with.
    """
    program = shutil.which("Orthanc")
    plugin = next((path for path in (Path(item) / _PLUGIN for item in _PLUGIN_FOLDERS) if path.exists()), None)
    if program is None or plugin is None:
        raise NeedMissing("Orthanc with DICOMweb", "sudo apt-get install -y orthanc orthanc-dicomweb")
    with tempfile.TemporaryDirectory(prefix="orthanc-bench-") as name:
        folder = Path(name)
        http, dicom = free_port(), free_port()
        (folder / "orthanc.json").write_text(json.dumps(_configuration(folder, plugin, http, dicom)), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, str(folder / "orthanc.json")],
                env={**os.environ, "TCP_NODELAY": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_ready(process, http, folder / "log")
            yield Orthanc(process, http, dicom)
        finally:
            stop_process(process, first=signal.SIGTERM)


def _configuration(folder: Path, plugin: Path, http: int, dicom: int) -> dict[str, object]:
    return {
        "Name": "peer",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "SyncStorageArea": True,
        "StorageCompression": False,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": dicom,
        "DicomCheckCalledAet": False,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(f"http://127.0.0.1:{port}/system"):
            return
        time.sleep(0.1)
    raise BenchError(f"Orthanc did not start:\n{log.read_text(errors='replace')[-1500:]}")
