"""The road from an outside citizen platform: signed in there, verified here, and nothing of the person on the way."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.builders.control import Played
from tests.builders.road import Examined
from tests.builders.running import RunningService
from tests.conftest import Evidence

pytestmark = pytest.mark.skipif(not Path("/usr/bin/storescu").exists(), reason="DCMTK is not installed")


def by_platform(page: Page, service: RunningService) -> None:
    page.goto(f"{service.base_url}/r")
    page.get_by_role("link", name="用皖美健康进入").click()


@pytest.mark.clause("R3.3")
def test_a_citizen_sees_their_own_examination_and_a_stranger_learns_nothing(
    service: RunningService, citizen_platform: Played, phone: Page, tmp_path: Path, evidence: Evidence
) -> None:
    patient = Examined(service, tmp_path, 119)  # gives a resident ID number with a right check character
    patient.link()  # examined and reported
    citizen_platform.wish(person={"id_number": patient.id_number, "name": patient.name})
    by_platform(phone, service)
    expect(phone.get_by_role("heading", name="身份已由平台核验")).to_be_visible()
    assert phone.url == f"{service.base_url}/r#/?citizen=here"
    phone.screenshot(path=evidence.screenshot("1-verified"))
    phone.get_by_role("button", name="查看我的检查").click()
    expect(phone.get_by_role("alert")).to_contain_text("请先阅读并勾选同意")
    phone.get_by_role("checkbox").check()
    phone.get_by_role("button", name="查看我的检查").click()
    expect(phone.get_by_text("磨玻璃结节").first).to_be_visible()
    phone.screenshot(path=evidence.screenshot("2-own-examination"))

    citizen_platform.wish(person={"id_number": "990000196203150014", "name": "测试生人"})
    phone.context.clear_cookies()
    by_platform(phone, service)
    expect(phone.get_by_role("heading", name="没有可以显示的检查")).to_be_visible()
    expect(phone.get_by_text("请扫描报告单上的二维码")).to_be_visible()
    phone.screenshot(path=evidence.screenshot("3-nothing"))

    seen = " ".join(citizen_platform.state()["seen"])
    assert patient.study not in seen
    for text in (seen, service.logs()):
        assert patient.id_number not in text
        assert patient.name not in text
