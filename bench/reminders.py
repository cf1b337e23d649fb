"""`reminders`: what a doctor waits for between signing an order and the answer, whatever the regional platform does."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from api.demo.build import DemoStudy
from api.demo.hospital import load_hospital
from api.demo.messages import demo_messages
from api.demo.region.platform import INSTITUTIONS
from api.settings import DEMO_INSTITUTION_CODE, Settings
from api.wiring import build_services
from api.workflows.follow_changes import match_arrivals
from bench.demo_study import demo_study, send_messages
from bench.errors import BenchError, check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.installation import ROOT, answers, free_port, running_installation, stop_process
from bench.machine_key import issue_key
from bench.options import rounds
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.ingest import Channel, Origin
from imaging_core.interop.hl7v2.intake import handle_message
from imaging_core.interop.hl7v2.profile import IntakeProfile

_OTHER_HOSPITAL = InstitutionCode("12340000BENCH00002")
_STUDY = "chest-radiograph"
_ORDER = "胸部DR正位+上腹部CT平扫"
_SECRET = "of-the-bench-and-of-nobody-else"  # noqa: S105  # of a platform that lives for a minute
_ORDERS = 200
_P95_MS, _P95_MS_SLOW = 300, 1000
_PLATFORM_READY_SECONDS = 60
_SLOW_SECONDS = 5


def reminders(peer: str | None = None) -> dict[str, Goal]:
    """Sign orders of which one part was examined at another hospital; then with a platform that is slow, and dead."""
    check_peer(peer)
    study = demo_study(_STUDY)
    count = max(20, _ORDERS * rounds(3) // 3)
    with _platform() as (address, platform):
        connected = {"PLATFORM__URL": address, "PLATFORM__KEY": "bench", "PLATFORM__SECRET": _SECRET}
        with running_installation(**connected, REMINDERS__WINDOW_DAYS="36500") as installation:
            _load(installation.settings, study)
            key = issue_key(installation.settings, "orders")
            with _his(installation.base_url, key) as his:
                times = {"signed": _signed(his, study.patient_id, "quick", count)}
                fault = {"kind": "slow", "seconds": _SLOW_SECONDS}
                httpx.post(f"{address}/control/fault", json=fault, trust_env=False).raise_for_status()
                times["signed_slow_platform"] = _signed(his, study.patient_id, "slow", count // 5)
                stop_process(platform, first=signal.SIGKILL)
                times["signed_dead_platform"] = _signed(his, study.patient_id, "dead", count // 5)
    notes = {
        "signed": "two parts, one found at another hospital; the platform is asked too",
        "signed_slow_platform": f"it would answer after {_SLOW_SECONDS} s",
        "signed_dead_platform": "its process was killed",
    }
    goals: dict[str, Goal] = {}
    for name, values in times.items():
        limit = _P95_MS if name == "signed" else _P95_MS_SLOW
        goals[f"{name}_p50_ms"] = Goal(median(values), "ms", note=f"{len(values)} orders, {notes[name]}")
        goals[f"{name}_p95_ms"] = Goal(percentile(values, 0.95), "ms", goal=limit)
    return goals


@contextlib.contextmanager
def _platform() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a simulated regional platform as a process of its own."""
    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as folder:
        ours = {
            "code": DEMO_INSTITUTION_CODE,
            "name": "演示县人民医院",
            "key": "bench",
            "secret": _SECRET,
            "door": "http://127.0.0.1:1/region/open",
        }
        (Path(folder) / INSTITUTIONS).write_text(json.dumps([ours], ensure_ascii=False), encoding="utf-8")
        port = free_port()
        command = [sys.executable, "-m", "api.cli", "demo", "platform", "--data", folder, "--port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + _PLATFORM_READY_SECONDS
            while not answers(f"{address}/control/state"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError("the simulated platform did not start")
                time.sleep(0.1)
            yield address, process
        finally:
            stop_process(process, first=signal.SIGTERM)


def _load(settings: Settings, study: DemoStudy) -> None:
    """Register the patient with us, and at another hospital with a reported study held in the same archive."""
    messages = [item for item in demo_messages(load_hospital()) if study.patient_id.encode() in item]
    registrations = [item for item in messages if b"ADT^A04" in item]
    if not all(b"\rMSA|AA|" in answer for answer in send_messages(settings, registrations)):
        raise BenchError("a registration was refused")
    services = build_services(settings)
    try:
        for path in study.paths():
            with path.open("rb") as content:
                services.ingestor.store_instance(
                    content, institution_code=_OTHER_HOSPITAL, origin=Origin(Channel.IMPORT, "bench")
                )
        reports = [item for item in messages if study.study_instance_uid.encode() in item]
        for message in registrations + reports:
            handle_message(
                message,
                profile=IntakeProfile(_OTHER_HOSPITAL),
                sessions=services.database.writes,
                cipher=services.cipher,
                blobs=services.blobs,
                now=services.clock(),
            )
        with services.database.writing() as session:
            match_arrivals(session, services.clock())
    finally:
        services.close()


def _his(base_url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=base_url, headers=headers, timeout=30, trust_env=False)


def _signed(his: httpx.Client, patient_id: str, name: str, count: int) -> list[float]:
    """Return how long each order took; every one is an order of its own and must be told of the earlier study."""

    def sign(number: int) -> None:
        answer = his.post("/cds-services/duplicate-exam-sign", json=_call(patient_id, f"{name}-{number}"))
        answer.raise_for_status()
        if not any(card.get("links") for card in answer.json()["cards"]):
            raise BenchError("an order was not told of the earlier examination")

    sign(-1)
    return [milliseconds(lambda n=number: sign(n)) for number in range(count)]  # type: ignore[misc]  # runs at once


def _call(patient_id: str, order: str) -> dict[str, object]:
    request = {"resourceType": "ServiceRequest", "id": order, "status": "draft", "code": {"text": _ORDER}}
    return {
        "hook": "order-sign",
        "hookInstance": "00000000-0000-4000-8000-000000000000",
        "context": {
            "userId": "Practitioner/bench",
            "patientId": patient_id,
            "encounterId": order,
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": request}]},
        },
    }
