"""Ways in: STOW-RS and C-STORE, over one connection and four."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.archive_out import Study, instance_path
from bench.archive_target import Archive, Measured, Reader, measured, side_by_side
from bench.demo_study import demo_study
from bench.errors import BenchError, NeedMissing
from bench.options import folder
from bench.senders import StowClient, relabelled

_INSTANCES = 100
_MEDIUM_CT = "chest-ct-normal"
_ORIGINAL = 'multipart/related; type="application/dicom"; transfer-syntax=*'
Lot = list[bytes]


@dataclass(frozen=True, slots=True)
class WayIn:
    """One way in. `lots`: how many new studies it wants; `goal` is for the ratio of the rates."""

    name: str
    lots: int
    goal: float
    send: Callable[[Archive, list[Lot]], None]

    def measure(self, target: Archive, lots: list[Lot]) -> Measured:
        """Send all."""
        return measured(target, sum(map(len, lots)), lambda: self.send(target, lots))


def medium_ct() -> list[Path]:
    """Return the files that are sent: `MINGYING_BENCH_CT`, or a CT of the demo hospital."""
    own = folder("MINGYING_BENCH_CT")
    files = sorted(path for path in own.iterdir() if path.is_file()) if own else demo_study(_MEDIUM_CT).paths()
    return files[:_INSTANCES]


def _stow(connections: int, at_once: int) -> Callable[[Archive, list[Lot]], None]:
    def send(target: Archive, lots: list[Lot]) -> None:
        [lot] = lots
        requests = [lot[start : start + at_once] for start in range(0, len(lot), at_once)]

        def share(mine: Sequence[Lot]) -> None:
            with StowClient(target.http_port, target.key) as client:
                for request in mine:
                    client.store(request)

        side_by_side(connections, requests, share)

    return send


def _cstore(target: Archive, lots: list[Lot]) -> None:
    # DCMTK's: pynetdicom puts a program of this name into an environment that is activated
    own = Path(sys.prefix) / "bin"
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place) != own]
    program = shutil.which("storescu", path=os.pathsep.join(places))
    if program is None:
        raise NeedMissing("storescu", "sudo apt-get install -y dcmtk")
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as name:
        folders = [Path(name) / str(number) for number in range(len(lots))]
        for place, lot in zip(folders, lots, strict=True):
            place.mkdir()
            for number, blob in enumerate(lot):
                (place / f"{number:04d}.dcm").write_bytes(blob)
        command = [program, "-aet", "STORESCU", "-aec", target.ae_title, "+sd", "127.0.0.1", str(target.dicom_port)]
        # as shipped its small packets wait for the other side's: that is its own, not the archive's
        senders = [
            subprocess.Popen([*command, place], env={**os.environ, "TCP_NODELAY": "1"}, stderr=subprocess.PIPE)
            for place in folders
        ]
        for sender in senders:
            said = sender.communicate()[1]
            if sender.returncode:
                raise BenchError(f"storescu was refused: {said[-500:].decode(errors='replace')}")


WAYS_IN = (
    WayIn("stow_1_connection", 1, 1.5, _stow(1, 1)),
    WayIn("stow_4_connections", 1, 1.5, _stow(4, 1)),
    WayIn("stow_4_connections_10_a_request", 1, 1.5, _stow(4, 10)),
    WayIn("cstore_1_association", 1, 1.5, _cstore),
    WayIn("cstore_4_associations", 4, 1.5, _cstore),
)


def while_taking_in(target: Archive, study: Study) -> list[float]:
    """Return the seconds of single instances got while four connections store."""
    lots = [relabelled(medium_ct()) for _ in range(3)]
    done = threading.Event()

    def store() -> None:
        try:
            for lot in lots:
                _stow(4, 1)(target, [lot])
        finally:
            done.set()

    storing = threading.Thread(target=store)
    seconds: list[float] = []
    with Reader(target) as reader:
        storing.start()
        while not done.is_set():
            started = time.perf_counter()
            reader.get(instance_path(study, len(seconds)), _ORIGINAL)
            seconds.append(time.perf_counter() - started)
            time.sleep(0.005)
    storing.join()
    return seconds
