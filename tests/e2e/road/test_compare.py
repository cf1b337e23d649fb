"""A doctor compares this year's CT with last year's: one place on both sides, one window, until the link is let go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from api.accounts.roles import Role
from api.clock import utc_now
from api.settings import Mode, Settings
from api.wiring import build_services
from tests.builders import hl7
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.hospital import SmallHospital, SteppingClock
from tests.builders.plugin import launch_token
from tests.builders.road import wait_until
from tests.builders.running import RunningService
from tests.builders.senders import mllp, storescu, write_instances
from tests.builders.staff import new_account
from tests.conftest import Evidence

NUMBER = "TEST0140"
PERSON: dict[str, Any] = {"name": "测试对比", "id_number": "110101199001400019", "phone": "13800000140"}
# the table stood 700 mm further, slices are twice as thick and run from the feet up
NOW, BEFORE = "road compare now", "road compare before"
NEW_PLACES = [-2.0 * n for n in range(24)]
OLD_PLACES = [700.0 - 46.0 + 4.0 * n for n in range(12)]

GREY = """pane => {
  const canvas = pane.querySelector('.dicom canvas')
  const [grey] = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data
  return grey
}"""


def series(study: str, places: list[float], on: str, thickness: float) -> list[bytes]:
    """Slices whose value tells the place in the patient: ten Hounsfield units a millimetre, from the middle of the scan."""
    middle = (min(places) + max(places)) / 2
    return [
        ct_instance(
            number=number,
            study=study,
            patient_id=NUMBER,
            patient_name=PERSON["name"],
            accession_number=study[-8:],
            study_date=on,
            pixels=np.full((96, 96), round((place - middle) * 10), np.int16),
            window=(0, 600),
            ImagePositionPatient=[-33.25, -33.25, place],
            SliceThickness=thickness,
            SeriesDescription=f"Chest {thickness} mm",
        )
        for number, place in enumerate(places, start=1)
    ]


@pytest.fixture
def reader(service: RunningService, tmp_path: Path, desktop: Page) -> Iterator[Page]:
    """The page, opened from the plugin."""
    assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a04(patient_id=NUMBER, **PERSON))
    scans = [*series(NOW, NEW_PLACES, "20260301", 2.0), *series(BEFORE, OLD_PLACES, "20250301", 4.0)]
    sent = storescu(service.dicom_port, write_instances(tmp_path / "sent", scans))
    assert sent.returncode == 0, sent.stderr
    for study in (NOW, BEFORE):
        report = hl7.oru_r01(
            patient_id=NUMBER, name=PERSON["name"], accession_number=study[-8:], study_instance_uid=study_uid(study)
        )
        assert b"MSA|AA" in mllp(service.hl7_port, report)
    services = build_services(Settings(mode=Mode.DEMO, data=service.data))
    hospital = SmallHospital(services, SteppingClock(utc_now()))
    with httpx.Client(base_url=service.base_url, trust_env=False) as plugin:
        token = launch_token(hospital, new_account(hospital, Role.DOCTOR), patient_id=NUMBER)
        assert plugin.post("/api/plugin/session", json={"token": token}).status_code == 200
        names = wait_until(lambda: both(plugin))
        answer = plugin.post("/api/plugin/comparisons", json={"references": names})
        assert answer.status_code == 200, answer.text
    desktop.goto(answer.json()["url"])
    yield desktop
    services.close()


def both(plugin: httpx.Client) -> list[str] | None:
    kinds = plugin.get("/api/plugin/patient").json()["kinds"]
    names = [exam["reference"] for kind in kinds for exam in kind["examinations"]]
    return names if len(names) == 2 else None


def pane(page: Page, role: str) -> Locator:
    return page.locator(f'.pane[data-role="{role}"]')


def shows(found: Locator, place: float) -> None:
    """The pane names that place and its picture is painted."""
    expect(found).to_have_attribute("data-position", f"{place:g}", timeout=60_000)
    expect(found).to_have_attribute("data-shown", "true", timeout=60_000)


def press(page: Page, found: Locator, key: str, times: int = 1) -> None:
    found.locator(".stage").focus()
    for _ in range(times):
        page.keyboard.press(key)


@pytest.mark.clause("R2.9")
def test_one_place_and_one_window_on_both_sides_until_the_link_is_let_go(reader: Page, evidence: Evidence) -> None:
    page = reader
    now, before = pane(page, "current"), pane(page, "prior")
    assert urlsplit(page.url).path == "/reading/compare", "the address of an opening is good once: it must not stay"
    for found, date in ((now, "2026年3月1日"), (before, "2025年3月1日")):
        expect(found.get_by_text(PERSON["name"])).to_be_visible()
        expect(found.get_by_text(date)).to_be_visible()
        expect(found.get_by_text("DICOM 原图 · 无损")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("坐标系不同")).to_be_visible()

    # both begin in the middle of their scan and move together: 700 mm of table lie between
    press(page, now, "Home")
    shows(now, 0)
    shows(before, 698)
    press(page, now, "ArrowDown", 10)
    shows(now, -20)
    shows(before, 678)
    assert abs(now.evaluate(GREY) - before.evaluate(GREY)) <= 10, "2 mm are 20 Hounsfield units of 600, 9 grey levels"
    press(page, before, "ArrowDown", 2)  # from the feet up
    shows(before, 686)
    shows(now, -12)
    page.screenshot(path=evidence.screenshot("1-linked"), animations="disabled")

    # one window
    stage = now.locator(".stage").bounding_box()
    assert stage is not None
    page.mouse.move(stage["x"] + 200, stage["y"] + 200)
    page.mouse.down(button="right")
    page.mouse.move(stage["x"] + 260, stage["y"] + 170, steps=3)
    page.mouse.up(button="right")
    changed = now.get_attribute("data-window")
    assert changed not in (None, "", "0,600")
    expect(before).to_have_attribute("data-window", changed)
    assert abs(now.evaluate(GREY) - before.evaluate(GREY)) <= 10

    # let go of both
    page.keyboard.press("l")
    page.keyboard.press("w")
    press(page, now, "ArrowDown", 3)
    shows(now, -18)
    shows(before, 686)
    page.get_by_role("button", name="骨窗").click()
    expect(now).to_have_attribute("data-window", "500,2000")
    expect(before).to_have_attribute("data-window", changed)

    # linked again, what was moved by hand stays: 704 mm between
    page.get_by_role("button", name="联动翻页").click()
    expect(page.get_by_text("已手动对齐，相差 704.0 mm")).to_be_visible()
    press(page, now, "ArrowUp", 2)
    shows(now, -14)
    shows(before, 690)
    press(page, now, "Home")
    shows(before, 698)
    expect(before.get_by_text("此处没有对应层面（最近的相距 6.0 mm）")).to_be_visible()

    page.get_by_role("button", name="报告对照").click()
    expect(page.get_by_text("磨玻璃结节")).to_have_count(4)
    page.screenshot(path=evidence.screenshot("2-reports"), animations="disabled")
    page.set_viewport_size({"width": 1024, "height": 768})
    page.screenshot(path=evidence.screenshot("3-narrow"), animations="disabled")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
