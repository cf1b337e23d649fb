"""The doctor's road: the HIS wakes the panel in its page, the panel tells how many examinations others have and opens them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from api.accounts.roles import Role
from api.clock import utc_now
from api.settings import Mode, Settings
from api.wiring import build_services
from tests.builders import hl7
from tests.builders.control import Played
from tests.builders.hospital import SmallHospital, SteppingClock
from tests.builders.orders import examined_elsewhere
from tests.builders.running import RunningService
from tests.builders.senders import mllp
from tests.builders.staff import new_account
from tests.conftest import Evidence

DOCTOR, ELSEWHERE = "road.men.zhen", "胸部CT增强"
PERSON: dict[str, Any] = {"name": "测试门诊", "id_number": "110101199001300013", "phone": "13800000130"}


class His:
    """The server of the HIS: it registers patients, holds a key and asks for launches."""

    def __init__(self, service: RunningService, hospital: SmallHospital) -> None:
        new_account(hospital, Role.DOCTOR, login=DOCTOR)
        self.headers = hospital.machine_key("launch")
        self.address = f"{service.base_url}/api/plugin/launches"
        assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a04(patient_id="TEST0130", **PERSON))

    def launch(self, **patient: Any) -> str:
        answer = httpx.post(self.address, json={"login": DOCTOR, **patient}, headers=self.headers, trust_env=False)
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["url"]
        return url


@pytest.fixture
def server(service: RunningService) -> Iterator[His]:
    """A HIS with one patient, whom another hospital whose archive is here too examined."""
    services = build_services(Settings(mode=Mode.DEMO, data=service.data))
    hospital = SmallHospital(services, SteppingClock(utc_now()))
    examined_elsewhere(hospital, study="road elsewhere", item=ELSEWHERE, patient_id="B0130", **PERSON)
    yield His(service, hospital)
    services.close()


def wake(page: Page, url: str) -> None:
    page.evaluate("url => Mingying.launch(url)", url)


def panel_of(page: Page) -> FrameLocator:
    return page.frame_locator("mingying-dock iframe")


def opened_from(panel: FrameLocator, page: Page, evidence: Evidence) -> None:
    """The other hospital's examination opens in a tab of its own, report and picture."""
    with page.context.expect_page() as opening:
        panel.get_by_role("button", name=ELSEWHERE).click()
    tab = opening.value
    expect(tab.get_by_text("磨玻璃结节").first).to_be_visible(timeout=30_000)
    assert urlsplit(tab.url).path == "/r", "the address of an opening is good once: it must not stay"
    tab.get_by_role("navigation", name="页面内容").get_by_text("影像").click()
    expect(tab.locator("[data-mode]")).to_have_attribute("data-shown", "true", timeout=60_000)
    tab.screenshot(path=evidence.screenshot("3-opened"))
    tab.close()


@pytest.mark.clause("R2.1")
@pytest.mark.clause("R2.2")
@pytest.mark.clause("R2.4")
@pytest.mark.clause("R2.5")
def test_from_the_login_to_the_other_hospitals_pictures(
    service: RunningService, his: Played, server: His, desktop: Page, evidence: Evidence
) -> None:
    page = desktop
    page.goto(his.url.replace("127.0.0.1", "localhost"))
    panel = panel_of(page)
    tab = page.get_by_role("button", name="检查助手")
    expect(tab).to_have_attribute("aria-expanded", "false")

    # the doctor signs in to the HIS, then calls a patient
    wake(page, server.launch())
    expect(panel.get_by_text("测试员工 医生")).to_be_visible()
    expect(panel.get_by_text("没有选定患者")).to_be_visible()
    page.screenshot(path=evidence.screenshot("1-awake"), animations="disabled")
    used = server.launch(patient_id="TEST0130")
    wake(page, used)
    expect(panel.get_by_role("heading", name=PERSON["name"])).to_be_visible()
    expect(panel.get_by_text("外院 1 次检查")).to_be_visible()
    expect(page.locator("#count")).to_have_text("外院 1 次检查")
    expect(page.locator("#ended")).to_be_empty()
    expect(page.get_by_role("button", name="检查助手，外院 1 次检查")).to_have_attribute("aria-expanded", "true")
    page.screenshot(path=evidence.screenshot("2-badge"), animations="disabled")
    opened_from(panel, page, evidence)

    slid_and_hidden(page, panel)
    found_by_initials(panel, page, evidence)

    wake(page, used)
    expect(panel.get_by_role("heading", name="启动地址已经用过")).to_be_visible()
    expect(panel.get_by_text(PERSON["name"])).to_have_count(0)
    expect(page.locator("#ended")).to_have_text("请重新唤醒插件")
    page.screenshot(path=evidence.screenshot("5-replayed"), animations="disabled")
    not_framed_elsewhere(page, his)
    for text in (PERSON["id_number"], PERSON["name"], DOCTOR):
        assert text not in service.logs()


def slid_and_hidden(page: Page, panel: FrameLocator) -> None:
    """Escape slides it back, the hotkey out; hidden and its edge outlive the page."""
    heading = panel.get_by_role("heading", name=PERSON["name"])
    panel.get_by_role("tab", name="本次患者").press("Escape")
    expect(heading).to_be_hidden()
    page.keyboard.press("Alt+m")
    expect(heading).to_be_visible()
    page.get_by_role("button", name="靠左").click()
    page.get_by_role("button", name="隐藏").click()
    expect(page.get_by_role("button", name="检查助手")).to_have_count(0)
    page.reload()
    dock = page.locator("mingying-dock .dock")
    expect(dock).to_have_attribute("data-shown", "hidden")
    expect(dock).to_have_attribute("data-edge", "left")
    page.evaluate("Mingying.show()")
    expect(heading).to_be_visible()  # the session went on
    assert page.locator("mingying-dock iframe").bounding_box()["x"] == 0  # type: ignore[index]  # it is visible


def found_by_initials(panel: FrameLocator, page: Page, evidence: Evidence) -> None:
    panel.get_by_role("tab", name="找患者").click()
    panel.get_by_label("按姓名找患者").fill("csmz")
    found = panel.get_by_role("button", name=f"查看 {PERSON['name']} 的检查").first
    expect(found).to_be_visible()
    page.screenshot(path=evidence.screenshot("4-found"), animations="disabled")
    found.click()
    expect(panel.get_by_role("heading", name=PERSON["name"])).to_be_visible()


def not_framed_elsewhere(page: Page, his: Played) -> None:
    """The same page under a name that no setting lists."""
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(his.url)
    expect(page.locator("mingying-dock .dock")).to_have_attribute("data-shown", "tab")
    page.evaluate("Mingying.show()")
    expect(panel_of(page).get_by_text("插件没有在使用")).to_have_count(0)
    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]
    assert any("frame-ancestors" in text for text in refusals)
