"""`archive`: taking in a CT by STOW-RS and by C-STORE, durable before it is acknowledged; peer: Orthanc."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.demo_study import demo_study
from bench.errors import BenchError, NeedMissing, check_peer
from bench.figures import median, median_ratio
from bench.goal import Goal
from bench.installation import Installation, running_installation
from bench.machine_key import issue_key
from bench.options import folder, rounds
from bench.orthanc import running_orthanc
from bench.senders import StowClient, relabelled

_INSTANCES = 100
_MEDIUM_CT = "chest-ct-normal"
_LATER = "3600"
"""Web frames are made later: the peer makes none, and taking in is what is compared."""


@dataclass(frozen=True, slots=True)
class _Archive:
    """What one round needs to know of an archive."""

    http_port: int
    dicom_port: int
    ae_title: str
    key: str
    cpu_seconds: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Round:
    """Figures of one way in, one archive, one set of fresh instances."""

    per_second: float
    cpu_ms: float


def archive(peer: str | None = None) -> dict[str, Goal]:
    """Send the same pixels under fresh UIDs, ours and the peer in turn. No goal is claimed yet."""
    check_peer(peer, {"orthanc"})
    storescu = shutil.which("storescu")
    if storescu is None:
        raise NeedMissing("storescu", "sudo apt-get install -y dcmtk")
    own = folder("MINGYING_BENCH_CT")
    files = (sorted(path for path in own.iterdir() if path.is_file()) if own else demo_study(_MEDIUM_CT).paths())[
        :_INSTANCES
    ]
    ways: dict[str, Callable[[_Archive, list[bytes]], None]] = {
        "stow_1_connection": _stow,
        "cstore_1_association": lambda target, blobs: _cstore(storescu, target, blobs),
    }
    found: dict[str, dict[str, list[_Round]]] = {way: {"ours": [], "peer": []} for way in ways}
    with _archives(peer) as archives:
        for turn in range(rounds(3) + 1):
            for way, send in ways.items():
                for name in sorted(archives, reverse=turn % 2 == 0):
                    measured = _round(archives[name], relabelled(files), send)
                    if turn:  # in the first round processes still warm up
                        found[way][name].append(measured)
    return {name: goal for way, both in found.items() for name, goal in _goals(way, both, len(files)).items()}


@contextlib.contextmanager
def _archives(peer: str | None) -> Iterator[dict[str, _Archive]]:
    with contextlib.ExitStack() as stack:
        installation = stack.enter_context(running_installation(DERIVE_QUIET_SECONDS=_LATER))
        found = {"ours": _ours(installation)}
        if peer is not None:
            orthanc = stack.enter_context(running_orthanc())
            found["peer"] = _Archive(orthanc.http_port, orthanc.dicom_port, "ORTHANC", "", orthanc.cpu_seconds)
        yield found


def _ours(installation: Installation) -> _Archive:
    settings = installation.settings
    key = issue_key(settings, "stow")
    return _Archive(settings.http.port, settings.dicom.port, settings.dicom.ae_title, key, installation.cpu_seconds)


def _round(target: _Archive, blobs: list[bytes], send: Callable[[_Archive, list[bytes]], None]) -> _Round:
    cpu, started = target.cpu_seconds(), time.perf_counter()
    send(target, blobs)
    seconds = time.perf_counter() - started
    return _Round(len(blobs) / seconds, 1000 * (target.cpu_seconds() - cpu) / len(blobs))


def _goals(way: str, both: dict[str, list[_Round]], instances: int) -> dict[str, Goal]:
    ours, peers = both["ours"], both["peer"]
    note = f"{len(ours)} rounds of {instances} instances"
    goals = {}
    for measure, unit, higher in (("per_second", "instances/s", True), ("cpu_ms", "ms of CPU an instance", False)):
        mine = [float(getattr(item, measure)) for item in ours]
        theirs = [float(getattr(item, measure)) for item in peers]
        goals[f"{way}_{measure}"] = Goal(
            median(mine),
            unit,
            peer=median(theirs) if theirs else None,
            ratio=median_ratio(mine, theirs) if theirs else None,
            higher_is_better=higher,
            peer_name="Orthanc",
            note=note,
        )
    return goals


def _stow(target: _Archive, blobs: list[bytes]) -> None:
    with StowClient(target.http_port, target.key) as client:
        for blob in blobs:
            client.store([blob])


def _cstore(program: str, target: _Archive, blobs: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as name:
        for number, blob in enumerate(blobs):
            (Path(name) / f"{number:04d}.dcm").write_bytes(blob)
        command = [
            program,
            "-aet",
            "STORESCU",
            "-aec",
            target.ae_title,
            "+sd",
            "127.0.0.1",
            str(target.dicom_port),
            name,
        ]
        sent = subprocess.run(command, capture_output=True, text=True, check=False)
    if sent.returncode:
        raise BenchError(f"storescu was refused: {sent.stderr[-500:]}")
