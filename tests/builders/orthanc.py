"""Orthanc as an old PACS and as a client: started on a new folder, knowing one other machine."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders.servers import free_ports, running


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc, called ORTHANC."""

    http_port: int
    dicom_port: int

    @property
    def name(self) -> str:
        """Return what the command line calls it."""
        return f"ORTHANC@127.0.0.1:{self.dicom_port}"

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Ask its REST service; return the JSON answer."""
        answer = httpx.request(method, f"http://127.0.0.1:{self.http_port}{path}", timeout=60, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def take(self, *contents: bytes) -> None:
        """Store instances."""
        for content in contents:
            self.call("POST", "/instances", content=content)

    def instances(self) -> list[str]:
        """Return its own names of all instances."""
        return self.call("GET", "/instances")


@contextlib.contextmanager
def running_orthanc(folder: Path, *, knows: tuple[str, int]) -> Iterator[Orthanc]:
    """Run Orthanc; `knows` is the AE title and port of us on this machine."""
    if shutil.which("Orthanc") is None:
        pytest.skip("Orthanc is not installed (apt-get install orthanc)")
    http = free_ports(2)
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DefaultEncoding": "Utf8",
        "DicomAet": "ORTHANC",
        "DicomPort": http + 1,
        "DicomModalities": {"us": {"AET": knows[0], "Host": "127.0.0.1", "Port": knows[1]}},
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    with running(["Orthanc", folder / "orthanc.json"], port=http, log=folder / "orthanc.log"):
        yield Orthanc(http, http + 1)
