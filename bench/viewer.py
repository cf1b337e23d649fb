"""`viewer`: how long a patient with a cheap phone waits for the report, the first picture, the first DICOM slice."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.browser import chromium, slow_phone
from bench.demo_study import LARGE_CT, demo_study, load_study
from bench.errors import BenchError, check_peer
from bench.figures import median
from bench.goal import Goal
from bench.installation import running_installation
from bench.options import rounds
from bench.patient import PatientVisit

_REPORT_MS, _JPG_MS, _DICOM_MS = 1500, 2000, 3000
_PATIENCE_SECONDS = 90
_CODE_ARRIVES_MS = 2500
"""Long enough for idle code to arrive on the slow line after the network is quiet."""


def viewer(peer: str | None = None) -> dict[str, Goal]:
    """Measure the phone page on the demo hospital's 320-slice CT."""
    check_peer(peer)
    program = chromium()
    study = demo_study(LARGE_CT)
    found: dict[str, list[float]] = {}
    with running_installation() as installation:
        patient = load_study(installation.settings, study)
        with PatientVisit(installation.base_url, patient) as visit:
            for _ in range(rounds(5)):
                for name, value in {**_from_report(program, visit), **_straight_to_images(program, visit)}.items():
                    found.setdefault(name, []).append(value)
    return {name: _goal(name, values) for name, values in found.items()}


def _goal(name: str, values: list[float]) -> Goal:
    goals: Mapping[str, float] = {
        "report_readable_ms": _REPORT_MS,
        "first_jpg_ms": _JPG_MS,
        "first_jpg_in_viewer_ms": _JPG_MS,
        "first_dicom_from_tap_ms": _DICOM_MS,
    }
    return Goal(median(values), "ms", goal=goals[name], note=f"{len(values)} runs, {min(values):.0f}-{max(values):.0f}")


def _from_report(program: str, visit: PatientVisit) -> dict[str, float]:
    """Open the report, wait until its code is here, go to the pictures, tap on DICOM."""
    with slow_phone(program, visit.cookies(), _script(visit)) as page:
        page.goto(_address(visit), wait_until="commit")
        _wait_for(page, "report", "jpg_on_report")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(_CODE_ARRIVES_MS)
        page.get_by_role("navigation", name="页面内容").get_by_text("影像").click()
        _wait_for(page, "jpg")
        page.locator("[data-ask=dicom]").click()
        _wait_for(page, "dicom")
        times = _times(page)
    return {
        "report_readable_ms": times["report"],
        "first_jpg_ms": times["jpg_on_report"],
        "first_dicom_from_tap_ms": times["dicom"] - times["tap"],
    }


def _straight_to_images(program: str, visit: PatientVisit) -> dict[str, float]:
    """Open the page at its pictures: the first JPG as large as the screen, paging at hand."""
    with slow_phone(program, visit.cookies(), _script(visit)) as page:
        page.goto(_address(visit) + "&view=images", wait_until="commit")
        _wait_for(page, "jpg")
        return {"first_jpg_in_viewer_ms": _times(page)["jpg"]}


def _address(visit: PatientVisit) -> str:
    return f"{str(visit.client.base_url).rstrip('/')}/r#/study?study={visit.study}"


def _script(visit: PatientVisit) -> str:
    words = visit.first_screen["report"]["impression"][:12]
    watch = Path(__file__).with_name("watch.js").read_text(encoding="utf-8")
    return f"window.benchWords = {json.dumps(words)};\n{watch}"


def _wait_for(page: Any, *names: str) -> None:  # noqa: ANN401  # playwright is not there at import
    """Wait until all were noted; asked from outside, because the page's own policy forbids evaluated code in it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if set(names) <= _times(page).keys():
            return
        page.wait_for_timeout(100)
    raise BenchError(f"the page did not show: {', '.join(sorted(set(names) - _times(page).keys()))}")


def _times(page: Any) -> dict[str, float]:  # noqa: ANN401  # playwright is not there at import
    found: dict[str, float] = page.evaluate("benchTimes")
    return found
