"""`editor`: from a reviewer's click on 发布 until a patient is told the new text, by either of two web processes."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from api.accounts.roles import Role
from api.accounts.store import create_account
from api.settings import Settings
from api.wiring import build_services
from bench.demo_study import demo_study, load_study
from bench.errors import BenchError, check_peer
from bench.figures import median, percentile
from bench.goal import Goal
from bench.installation import ROOT, Installation, answers, free_port, running_installation, stop_process
from bench.options import rounds
from bench.patient import PatientVisit

_STUDY = "chest-radiograph"
_ENTRY = "term-ground-glass-nodule"
_PUBLICATIONS = 15
_GOAL_SECONDS = 5
_GIVEN_UP_SECONDS = 30
_READY_SECONDS = 90


def editor(peer: str | None = None) -> dict[str, Goal]:
    """Publish one term again and again, and ask both processes for it until they tell the new text."""
    check_peer(peer)
    study = demo_study(_STUDY)
    with running_installation() as installation, _second_web_process(installation) as second:
        patient = load_study(installation.settings, study)
        with (
            _Desk(installation, Role.AUTHOR) as author,
            _Desk(installation, Role.REVIEWER) as reviewer,
            PatientVisit(installation.base_url, patient) as here,
            PatientVisit(second, patient) as there,
        ):
            times: dict[str, list[float]] = {"publishing_process": [], "other_process": []}
            for number in range(_PUBLICATIONS * rounds(3) // 3):
                plain = f"肺里一个像薄雾一样的小影子，透过它还看得见血管（第{number + 1}稿）。"
                author.save(plain)
                author.step("submit")
                began = time.perf_counter()
                reviewer.step("publish")
                seen = _until_told({"publishing_process": here, "other_process": there}, plain, began)
                for name, seconds in seen.items():
                    times[name].append(seconds)
    goals = {}
    for name, values in times.items():
        goals[f"{name}_p50_s"] = Goal(median(values), "s", note=f"{len(values)} publications, from the click on")
        goals[f"{name}_max_s"] = Goal(percentile(values, 1), "s", goal=_GOAL_SECONDS)
    return goals


def _until_told(visits: dict[str, PatientVisit], plain: str, began: float) -> dict[str, float]:
    seen: dict[str, float] = {}
    while len(seen) < len(visits):
        for name in visits.keys() - seen.keys():
            if visits[name].get_json(f"/api/patient/knowledge/{_ENTRY}")["plain"] == plain:
                seen[name] = time.perf_counter() - began
        if time.perf_counter() - began > _GIVEN_UP_SECONDS:
            raise BenchError(f"after {_GIVEN_UP_SECONDS} s a process still tells the old text")
    return seen


class _Desk:
    """Staff of a role, signed in."""

    _INITIAL, _OWN = "Anfang-2026-x", "Eigenes-2026-y"

    def __init__(self, installation: Installation, role: Role) -> None:
        login = f"bench-{secrets.token_hex(4)}"
        _add_account(installation.settings, login, role, self._INITIAL)
        self._client = httpx.Client(base_url=installation.base_url, timeout=60, trust_env=False)
        self._call("POST", "/api/staff/session", {"login": login, "password": self._INITIAL})
        self._call("POST", "/api/staff/password", {"current": self._INITIAL, "new": self._OWN})

    def __enter__(self) -> "_Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def save(self, plain: str) -> None:
        """Keep the entry's text with this short explanation as a draft."""
        at = self._entry()
        revision = (at["draft"] or {"revision": 0})["revision"]
        body = {"text": {**at["text"], "plain": plain}, "based_on": at["version"], "seen": revision}
        self._call("PUT", f"/api/editor/entries/{_ENTRY}/draft", body)

    def step(self, name: str) -> None:
        """Submit or publish the draft."""
        body = {"seen": self._entry()["draft"]["revision"]}
        self._call("POST", f"/api/editor/entries/{_ENTRY}/draft/{name}", body)

    def _entry(self) -> dict[str, Any]:
        return self._call("GET", f"/api/editor/entries/{_ENTRY}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            raise BenchError(f"{method} {path} was answered {answer.status_code}: {answer.text[:200]}")
        found: dict[str, Any] = answer.json()
        return found


def _add_account(settings: Settings, login: str, role: Role, password: str) -> None:
    services = build_services(settings)
    try:
        with services.database.writing() as session:
            create_account(
                session,
                institution_code=settings.hospital.institution_code,
                login=login,
                name="测量",
                roles={role},
                password=password,
                now=services.clock(),
            )
    finally:
        services.close()


@contextlib.contextmanager
def _second_web_process(installation: Installation) -> Iterator[str]:
    port = free_port()
    base_url = f"http://localhost:{port}"
    environment = {**os.environ, "MINGYING_MODE": "demo", "MINGYING_DATA": str(installation.settings.data)}
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not answers(f"{base_url}/demo"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("the second web process did not start")
            time.sleep(0.1)
        yield base_url
    finally:
        stop_process(process, first=signal.SIGTERM)
