"""The road of a share: the patient passes a study on, a stranger opens it, the patient takes it back."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.builders.road import Examined
from tests.builders.running import RunningService
from tests.conftest import Evidence

pytestmark = pytest.mark.skipif(not Path("/usr/bin/storescu").exists(), reason="DCMTK is not installed")


def make(page: Page, evidence: Evidence) -> tuple[str, str]:
    """Share with explanation; return link and passcode as the page shows them."""
    page.get_by_role("button", name="分享", exact=True).click()
    sheet = page.get_by_role("dialog", name="分享这次检查")
    expect(sheet.get_by_label("打开时需要口令")).to_be_checked()
    page.screenshot(path=evidence.screenshot("1-form"))
    sheet.get_by_text("1 天").click()
    sheet.get_by_label("同时可看智能解读").check()
    sheet.get_by_label("自己定口令").fill("1234")
    sheet.get_by_role("button", name="生成分享链接").click()
    page.get_by_role("button", name="同意并继续").click()
    expect(sheet.get_by_role("alert")).to_contain_text("口令不合适")
    sheet.get_by_label("自己定口令").fill("")
    sheet.get_by_role("button", name="生成分享链接").click()
    made = page.get_by_role("dialog", name="分享链接已生成")
    expect(made.get_by_role("img", name="分享二维码", exact=False)).to_be_visible()
    made.get_by_role("button", name="复制链接").click()
    expect(made.get_by_text("已复制")).to_be_visible()
    page.screenshot(path=evidence.screenshot("2-made"))
    link, passcode = made.locator("[data-link]").inner_text(), made.locator("[data-passcode]").inner_text()
    assert re.fullmatch(r"\d{6}", passcode)
    return link, passcode


def open_share(stranger: Page, link: str, passcode: str, owner: Examined, evidence: Evidence) -> None:
    """Nothing before the passcode; with it that study, without phone, ID number, download, sharing or questions."""
    stranger.goto(link)
    expect(stranger.get_by_text("有人向您分享了一次检查")).to_be_visible()
    assert link.partition("#")[2] not in stranger.url
    assert owner.name not in stranger.content()
    stranger.get_by_label("口令").fill("4815162")
    stranger.get_by_role("button", name="查看分享").click()
    expect(stranger.get_by_role("alert")).to_contain_text("还可以再试 4 次")
    stranger.screenshot(path=evidence.screenshot("3-wrong-passcode"))
    stranger.get_by_label("口令").fill(passcode)
    stranger.get_by_role("button", name="查看分享").click()
    expect(stranger.get_by_text("磨玻璃结节").first).to_be_visible()
    expect(stranger.get_by_text("他人分享给您的检查")).to_be_visible()
    tabs = stranger.get_by_role("navigation", name="页面内容")
    expect(tabs.get_by_text("解读")).to_be_visible()
    expect(tabs.get_by_text("咨询")).to_have_count(0)
    for action in ("分享", "下载"):
        expect(stranger.get_by_role("button", name=action, exact=True)).to_have_count(0)
    assert owner.phone not in stranger.content()
    assert owner.id_number not in stranger.content()
    stranger.screenshot(path=evidence.screenshot("4-opened"))
    tabs.get_by_text("解读").click()
    expect(stranger.get_by_text("AI生成，仅供参考，不能代替医生诊断").first).to_be_visible()
    tabs.get_by_text("影像").click()
    expect(stranger.locator("[data-mode]")).to_have_attribute("data-shown", "true")


def revoke(page: Page, evidence: Evidence) -> None:
    """Find the share in the list, with its use, and stop it."""
    page.get_by_role("button", name="我的分享").click()
    shares = page.get_by_role("dialog", name="我的分享")
    expect(shares.get_by_text("打开过 1 次")).to_be_visible()
    page.screenshot(path=evidence.screenshot("5-mine"))
    shares.get_by_role("button", name="停止分享").click()
    sure = page.get_by_role("dialog", name="停止这次分享？")
    sure.get_by_role("button", name="停止分享").click()
    expect(shares.locator('[data-state="revoked"]')).to_be_visible()
    shares.get_by_role("button", name="关闭").click()


def expired_share(service: RunningService, page: Page, study: str) -> str:
    """Make a share, let its day pass, return its link."""
    answer = page.request.post(
        f"{service.base_url}/api/patient/shares", data={"study": study, "expires_days": 1, "protected": False}
    )
    assert answer.status == 201
    made = answer.json()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(service.data / "index.sqlite", timeout=20) as database:
        changed = database.execute("UPDATE links SET expires_at = ? WHERE link_id = ?", [yesterday, made["share_id"]])
        assert changed.rowcount == 1
    return made["link"]


@pytest.mark.clause("R3.1")
@pytest.mark.clause("R3.5")
def test_a_study_is_passed_on_opened_by_a_stranger_and_taken_back_while_open(
    service: RunningService, phone: Page, desktop: Page, tmp_path: Path, evidence: Evidence
):
    owner = Examined(service, tmp_path, 301)
    owner.enter(phone)
    link, passcode = make(phone, evidence)
    open_share(desktop, link, passcode, owner, evidence)
    revoke(phone, evidence)
    expect(desktop.get_by_text("分享已结束")).to_be_visible(timeout=15_000)
    expect(desktop.locator("[data-mode]")).to_have_count(0)
    assert owner.name not in desktop.content()
    desktop.screenshot(path=evidence.screenshot("6-ended"))
    for dead in (link, expired_share(service, phone, owner.study)):
        desktop.goto("about:blank")
        desktop.goto(dead)
        expect(desktop.get_by_role("alert")).to_contain_text("链接无效")
    expect(phone.get_by_text("磨玻璃结节").first).to_be_visible()
