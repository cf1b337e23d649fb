"""`durability`: receivers killed at random moments while images come in by three doors; nothing acknowledged is lost.

Each round starts the web service and the DICOM receiver on the same data folder, lets a STOW-RS sender, a C-STORE
sender and `mingying import` work at once, the first two also sending again what was acknowledged before, and ends all
of them by SIGKILL at a random moment. At the end every acknowledged instance must be readable as it was sent, every
other one absent or whole, and the index and the blobs must agree.
"""

import contextlib
import hashlib
import http.client
import io
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydicom import dcmread
from pynetdicom import AE, build_context
from sqlalchemy import select

from api.db.migrate import migrate
from api.processes import private_redis
from api.processes.ready import marker
from api.settings import Settings
from api.wiring import Services, build_services
from bench.demo_study import demo_study
from bench.errors import BenchError, check_peer
from bench.goal import Goal
from bench.installation import ROOT, environment_of, settings_of
from bench.machine_key import issue_key
from bench.options import rounds
from bench.senders import StowClient, relabelled
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.index.tables import InstanceRow

_CT = "chest-ct-normal"
_START_SECONDS = 90
_LONGEST_SECONDS = 2.0
"""A round is ended within so long after its first acknowledgement."""
_EACH = 20
"""Instances by each way in a round."""


@dataclass
class Sent:
    """Instances by SOP Instance UID as they were sent, and which of them the archive acknowledged."""

    contents: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the bytes behind the file meta information: each way in writes that anew."""
    acknowledged: set[str] = field(default_factory=set)
    newest: list[bytes] = field(default_factory=list)
    """Of the round before, to be sent again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found after the last round."""

    kills: int
    sent: int
    acknowledged: int
    lost: tuple[str, ...]
    """Acknowledged, and not in the index, or not readable as it was sent."""
    torn: tuple[str, ...]
    """Never acknowledged, in the index, and not whole."""
    unindexed: int
    """Whole in the store and not in the index: kept before the kill, never acknowledged, and not sent again."""


def durability(peer: str | None = None) -> dict[str, Goal]:
    """Kill the receivers 100 times three (`MINGYING_BENCH_ROUNDS` sets how often)."""
    check_peer(peer, set())
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as name:
        verdict = kill_again_and_again(Path(name), times=rounds(100), seed=secrets.randbits(32))
    note = f"{verdict.kills} kills, {verdict.sent} sent, {verdict.acknowledged} acknowledged"
    return {
        "acknowledged_and_lost": Goal(len(verdict.lost), "instances", goal=0, note=note),
        "torn_in_the_index": Goal(len(verdict.torn), "instances", goal=0),
        "kept_without_index_row": Goal(verdict.unindexed, "instances", note="never acknowledged"),
    }


def kill_again_and_again(data: Path, *, times: int, seed: int) -> Verdict:
    """Run `times` rounds on a new data folder, then look at what is there.

    Raises:
        BenchError: A receiver does not come up again.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    environment = environment_of(data, {})
    settings = settings_of(data, environment)
    migrate(settings.database)
    redis = private_redis.start(data)
    sent = Sent()
    try:
        key = issue_key(settings, "stow")
        kills = sum(_round(settings, environment, key, sent, chance) for _ in range(times))
        services = build_services(settings)
        try:
            return _look(services, sent, kills)
        finally:
            services.close()
    finally:
        redis.terminate()
        redis.wait()


def _round(settings: Settings, environment: dict[str, str], key: str, sent: Sent, chance: random.Random) -> int:
    """Start, send, kill; return how many processes were killed."""
    files = demo_study(_CT).paths()
    by_stow, by_cstore, imported = (relabelled(chance.sample(files, _EACH)) for _ in range(3))
    for content in (*by_stow, *by_cstore, *imported):
        uid, digest = _identity(content)
        sent.contents[uid] = digest
    again, sent.newest = sent.newest, [*by_stow[:3], *by_cstore[:3]]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mingying-import-")))
        for number, content in enumerate(imported):
            (folder / f"{number}.dcm").write_bytes(content)
        processes = _started(settings, environment)
        stack.callback(_kill, processes)
        processes.append(_start(environment, "import", str(folder), "--json"))
        senders = [
            threading.Thread(target=_send_stow, args=(settings, key, [*by_stow[:5], *again, *by_stow[5:]], sent)),
            threading.Thread(target=_send_cstore, args=(settings, [*by_cstore[:5], *again, *by_cstore[5:]], sent)),
        ]
        before = len(sent.acknowledged)
        for sender in senders:
            sender.start()
        deadline = time.monotonic() + _START_SECONDS
        while len(sent.acknowledged) == before and any(sender.is_alive() for sender in senders):
            if time.monotonic() > deadline:
                raise BenchError("nothing is acknowledged")
            time.sleep(0.01)
        time.sleep(chance.uniform(0, _LONGEST_SECONDS))
        killed = sum(process.poll() is None for process in processes)
        _kill(processes)
        for sender in senders:
            sender.join()
    return killed


def _started(settings: Settings, environment: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    ready = marker(settings.data, "scp")
    ready.unlink(missing_ok=True)
    processes = [_start(environment, "serve"), _start(environment, "scp")]
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        with contextlib.suppress(httpx.HTTPError):
            address = f"http://127.0.0.1:{settings.http.port}/health"
            if ready.exists() and httpx.get(address, timeout=1, trust_env=False).status_code == 200:
                return processes
        time.sleep(0.05)
    _kill(processes)
    raise BenchError("the receivers do not come up again")


def _start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "api.cli", *arguments]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _kill(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def _send_stow(settings: Settings, key: str, contents: Sequence[bytes], sent: Sent) -> None:
    gone = contextlib.suppress(OSError, http.client.HTTPException, BenchError)
    with gone, StowClient(settings.http.port, key) as client:
        for content in contents:
            client.store([content])  # raises unless this very instance is said to be stored
            sent.acknowledged.add(_identity(content)[0])


def _send_cstore(settings: Settings, contents: Sequence[bytes], sent: Sent) -> None:
    datasets = [dcmread(io.BytesIO(content)) for content in contents]
    ae = AE(ae_title="MODALITY")
    pairs = {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in datasets}
    dicom = settings.dicom
    association = ae.associate(
        dicom.host, dicom.port, contexts=[build_context(*pair) for pair in sorted(pairs)], ae_title=dicom.ae_title
    )
    with contextlib.suppress(RuntimeError):  # the association is gone
        for dataset in datasets:
            status = association.send_c_store(dataset)
            if status.get("Status") != 0:
                break
            sent.acknowledged.add(str(dataset.SOPInstanceUID))
    association.abort()


def _identity(content: bytes) -> tuple[str, str]:
    """Return SOP Instance UID and the SHA-256 of what is behind the file meta information."""
    header = read_header(io.BytesIO(content), len(content), Limits())
    return header.sop_instance_uid, hashlib.sha256(content[header.dataset_offset :]).hexdigest()


def _look(services: Services, sent: Sent, kills: int) -> Verdict:
    torn, found, digests = set[str](), set[str](), set[str]()
    with services.database.reading() as session:
        for row in session.scalars(select(InstanceRow)):
            digests.add(row.blob_digest)
            content = b"".join(services.blobs.read(services.blob_ref(row)))
            whole = len(content) == row.blob_size and hashlib.sha256(content).hexdigest() == row.blob_digest
            if whole and _identity(content) == (row.sop_instance_uid, sent.contents[row.sop_instance_uid]):
                found.add(row.sop_instance_uid)
            else:
                torn.add(row.sop_instance_uid)
    kept = {ref.digest for ref, _ in services.blobs.instances()}
    return Verdict(
        kills=kills,
        sent=len(sent.contents),
        acknowledged=len(sent.acknowledged),
        lost=tuple(sorted(sent.acknowledged - found)),
        torn=tuple(sorted(torn - sent.acknowledged)),
        unindexed=len(kept - digests),
    )
