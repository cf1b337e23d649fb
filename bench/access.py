"""`access`: how soon an installation is ready, and what single requests of a patient's page take on this machine."""

from collections.abc import Callable
from typing import Any

import httpx

from bench.demo_study import LARGE_CT, demo_study, load_study
from bench.errors import check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.installation import running_installation
from bench.options import rounds
from bench.patient import PatientVisit

_READY_SECONDS = 8
_REQUESTS = 200
_SHARE_ROUNDS = 25
"""Fewer than one address may exchange links in a minute."""
_P95_GOALS = {"share_redeemed": 250}


def access(peer: str | None = None) -> dict[str, Goal]:
    """Start several installations, then ask one of them for screens, pictures and frames on one connection."""
    check_peer(peer)
    study = demo_study(LARGE_CT)
    ready: list[float] = []
    for _ in range(rounds(3) - 1):
        with running_installation() as empty:
            ready.append(empty.ready_seconds)
    with running_installation() as installation:
        ready.append(installation.ready_seconds)
        patient = load_study(installation.settings, study)
        with PatientVisit(installation.base_url, patient) as visit:
            times = _request_times(visit) | {"share_redeemed": _redeem_times(visit)}
            memory = installation.resident_bytes() / 1e6
    goals = {"ready_s": Goal(median(ready), "s", goal=_READY_SECONDS, note=f"`mingying up`, {len(ready)} starts")}
    for name, values in times.items():
        goals[f"{name}_p50_ms"] = Goal(median(values), "ms", note=f"{len(values)} requests, one connection")
        goals[f"{name}_p95_ms"] = Goal(percentile(values, 0.95), "ms", goal=_P95_GOALS.get(name))
    goals["memory_mb"] = Goal(memory, "MB", note="all processes together, shared pages counted once a process")
    return goals


def _request_times(visit: PatientVisit) -> dict[str, list[float]]:
    manifest = visit.get_json(f"/api/patient/studies/{visit.study}/manifest")
    instances = next(item for item in manifest["series"] if item["kind"] == "image")["instances"]
    frames = [_frame(visit.study, instances[i % len(instances)], manifest["version"]) for i in range(_REQUESTS)]
    return {
        "first_screen": _timed(visit, ["/api/patient/first-screen"] * (_REQUESTS // 4)),
        "manifest": _timed(visit, [f"/api/patient/studies/{visit.study}/manifest"] * (_REQUESTS // 10)),
        "preview": _timed(visit, [frame("/preview") for frame in frames]),
        "frame": _timed(visit, [frame("") for frame in frames], {"Accept": "image/jphc"}),
        "interpretation": _timed(visit, [f"/api/patient/reports/{visit.report}/interpretation"] * (_REQUESTS // 10)),
    }


def _redeem_times(visit: PatientVisit) -> list[float]:
    """From the link of a share to its open page's first answer: exchange, passcode (argon2), grant."""
    answer = visit.client.post("/api/patient/shares", json={"study": visit.study, "expires_days": 1})
    answer.raise_for_status()
    made = answer.json()

    def redeem() -> None:
        stranger.post("/api/patient/link", json={"token": made["link"].partition("#")[2]}).raise_for_status()
        proof = {"method": "passcode", "passcode": made["passcode"]}
        stranger.post("/api/patient/verification", json=proof).raise_for_status()

    with httpx.Client(base_url=visit.client.base_url, timeout=60, trust_env=False) as stranger:
        return [milliseconds(redeem) for _ in range(_SHARE_ROUNDS)]


def _timed(visit: PatientVisit, paths: list[str], headers: dict[str, str] | None = None) -> list[float]:
    def get(path: str) -> None:
        visit.client.get(path, headers=headers).raise_for_status()

    get(paths[0])
    return [milliseconds(lambda p=path: get(p)) for path in paths]  # type: ignore[misc]


def _frame(study: str, instance: dict[str, Any], version: str) -> Callable[[str], str]:
    sop = instance["sop_instance_uid"]
    return lambda part: f"/api/patient/studies/{study}/instances/{sop}/frames/1{part}?v={version}"
