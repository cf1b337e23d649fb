"""A doctor opens a laboratory report of the plugin's list in a browser, at the desk and on a phone."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.accounts.roles import Role
from api.clock import utc_now
from api.settings import Mode, Settings
from api.wiring import build_services
from tests.builders import hl7
from tests.builders.hospital import SmallHospital, SteppingClock
from tests.builders.laboratory import keep, result
from tests.builders.running import RunningService
from tests.builders.senders import mllp
from tests.builders.staff import new_account
from tests.conftest import Evidence

# no time of a log line looks like this value
NAME, VALUE = "测试化验", "1337.73"


def opening_of(service: RunningService) -> str:
    """Return the address that the plugin gives at a click on the newest report."""
    assert b"MSA|AA" in mllp(
        service.hl7_port,
        hl7.adt_a04(patient_id="TEST0160", name=NAME, id_number="110101199001400014", phone="13800000140"),
    )
    services = build_services(Settings(mode=Mode.DEMO, data=service.data))
    hospital, now = SmallHospital(services, SteppingClock(utc_now())), utc_now()
    crp = {"item_name": "C反应蛋白", "unit": "mg/L", "reference_range": "<10"}
    keep(
        hospital, result("OLD"), result("OLD", "CRP", "8.0", **crp), at=now - timedelta(days=40), patient_id="TEST0160"
    )
    above = result("NEW", "CRP", ">200", flag="↑", **crp)
    keep(hospital, result("NEW", value=VALUE, flag="H"), above, at=now, patient_id="TEST0160")
    login, key = new_account(hospital, Role.DOCTOR), hospital.machine_key("launch")
    services.close()
    with httpx.Client(base_url=service.base_url, trust_env=False) as plugin:
        asked = {"login": login, "patient_id": "TEST0160"}
        launch = plugin.post("/api/plugin/launches", json=asked, headers=key).json()
        plugin.post("/api/plugin/session", json={"token": launch["url"].partition("#")[2]}).raise_for_status()
        (kind,) = plugin.get("/api/plugin/patient").json()["kinds"]
        assert (kind["label"], len(kind["examinations"])) == ("检验", 2)
        clicked = {"reference": kind["examinations"][0]["reference"]}
        url: str = plugin.post("/api/plugin/openings", json=clicked).json()["url"]
    return url


@pytest.mark.clause("R2.10")
def test_a_report_is_a_table_with_trends_at_the_desk_and_on_a_phone(
    service: RunningService, desktop: Page, evidence: Evidence
) -> None:
    page, url = desktop, opening_of(service)
    page.goto(url)
    table = page.get_by_role("table", name="血常规")
    expect(table.get_by_role("row", name="白细胞计数")).to_contain_text("偏高")
    expect(table.get_by_role("cell", name=VALUE, exact=True)).to_be_visible()
    expect(table.get_by_role("columnheader")).to_have_text(["项目", "结果", "单位", "参考范围", "提示"])
    expect(table.locator("svg")).to_have_count(1)  # more than 200 is no number to draw
    assert urlsplit(page.url).path == "/laboratory", "the address of an opening is good once: it must not stay"
    page.reload()
    expect(table).to_be_visible()
    page.screenshot(path=evidence.screenshot("1-desk"))
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.screenshot(path=evidence.screenshot("2-phone"))

    page.get_by_role("link", name="血常规").nth(1).press("Enter")
    expect(page.get_by_text("报告号 OLD")).to_be_visible()
    page.goto(url)
    expect(page.get_by_text("打开地址已失效")).to_be_visible()
    for text in (NAME, VALUE):
        assert text not in service.logs()
