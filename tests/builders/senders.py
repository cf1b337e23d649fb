"""Sending to a running service over the real protocols."""

import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from imaging_core.interop.hl7v2.framing import MllpFramer, framed


def mllp(port: int, message: bytes, *, host: str = "127.0.0.1") -> bytes:
    """Send one HL7 message by MLLP and return the acknowledgement."""
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(framed(message))
        framer = MllpFramer(1_000_000)
        while data := connection.recv(65536):
            for answer in framer.feed(data):
                return answer
    raise AssertionError("no acknowledgement")


def storescu(port: int, folder: Path, *, calling: str = "STORESCU") -> subprocess.CompletedProcess[str]:
    """Send a folder with DCMTK's storescu."""
    program = shutil.which("storescu")
    assert program is not None
    command = [program, "-aet", calling, "-aec", "MINGYING", "+sd", "127.0.0.1", str(port), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def write_instances(folder: Path, instances: Sequence[bytes]) -> Path:
    """Write instances as files and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(instances, 1):
        (folder / f"{number:04d}.dcm").write_bytes(content)
    return folder
