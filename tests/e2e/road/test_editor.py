"""The content editor's road: an author edits, another person publishes, the patient sees it within seconds."""

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import OTHER_ID_NUMBER, OTHER_PHONE
from tests.builders.road import wait_until
from tests.builders.running import RunningService
from tests.builders.senders import mllp, storescu, write_instances
from tests.conftest import Evidence
from tests.e2e.road.test_patients_road import ask, enter, link_in_qr, understand

pytestmark = pytest.mark.skipif(not Path("/usr/bin/storescu").exists(), reason="DCMTK is not installed")

ACCESSION = "ACC0901"
# not the patient of another test: a consent once given is not asked for again
PATIENT_ID = "TEST0901"
TERM = "磨玻璃结节"
OLD_PLAIN = "肺里一个边界大致圆形的淡淡的小影子"
NEW_PLAIN = "肺里一个像薄雾一样的小影子，透过它还看得见血管。"


def send_report(service: RunningService, folder: Path) -> str:
    """Register a patient with a CT and a report; return the link of the report."""
    assert b"MSA|AA" in mllp(
        service.hl7_port, hl7.adt_a04(phone=OTHER_PHONE, id_number=OTHER_ID_NUMBER, patient_id=PATIENT_ID)
    )
    slices = ct_series(3, 64, 64, study="editor", accession_number=ACCESSION, patient_id=PATIENT_ID)
    sent = storescu(service.dicom_port, write_instances(folder / "scu", slices))
    assert sent.returncode == 0, sent.stderr
    report = hl7.oru_r01(
        patient_id=PATIENT_ID,
        accession_number=ACCESSION,
        study_instance_uid=study_uid("editor"),
        findings="右肺上叶见磨玻璃结节，大小约6mm。",
        impression="右肺上叶磨玻璃结节。",
    )
    assert b"MSA|AA" in mllp(service.hl7_port, report)

    pdf = folder / "ready.pdf"
    wait_until(lambda: service.cli("print-report", ACCESSION, "--out", str(pdf), check=False).returncode == 0)
    return link_in_qr(service, folder, ACCESSION)


def account(service: RunningService, login: str) -> str:
    """Return the password that the demo page shows."""
    page = httpx.get(f"{service.base_url}/demo", trust_env=False).text
    found = re.search(rf"<td>{login}</td><td>([^<]+)</td>", page)
    assert found is not None, "the demo page shows no accounts"
    return found[1]


def desk(service: RunningService, browser: Browser, login: str) -> Page:
    """Sign in to the editor in a browser of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN").new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{service.base_url}/editor")
    page.get_by_label("账号").fill(login)
    page.get_by_label("密码").fill(account(service, login))
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("navigation", name="栏目")).to_be_visible()
    return page


def open_entry(page: Page) -> None:
    page.get_by_label("按名称或写法查找").fill(TERM)
    page.get_by_role("link", name=TERM, exact=True).click()
    expect(page.get_by_role("heading", name=TERM, level=1)).to_be_visible()


def plain_on_phone(page: Page) -> str:
    """Return what the patient's page says of the term now, asked for anew."""
    answer = page.request.get(
        f"{page.url.split('/r')[0].split('/#')[0]}/api/patient/knowledge/term-ground-glass-nodule"
    )
    return answer.json()["plain"] if answer.ok else ""


def nothing_runs(page: Page) -> None:
    """Give the page an entry as if the service had let everything through; open it."""
    evil = (
        "<p>坏内容</p><img src=x onerror='window.ran=1'><script>window.ran=1</script><svg onload='window.ran=1'></svg>"
    )
    page.route(
        "**/api/patient/knowledge/*",
        lambda route: route.fulfill(json={**route.fetch().json(), "body_html": evil + "<a href='javascript:1'>a</a>"}),
    )
    page.get_by_role("navigation", name="页面内容").get_by_text("报告").click()
    page.locator(".term", has_text=TERM).first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("坏内容")
    assert sheet.locator("img, script, [onload], [onerror], [href^='javascript']").count() == 0
    assert page.evaluate("window.ran") is None


@pytest.mark.clause("R3.9")
def test_from_the_authors_desk_to_the_patients_phone_and_back(
    service: RunningService, browser: Browser, phone: Page, tmp_path: Path, evidence: Evidence
) -> None:
    link = send_report(service, tmp_path)
    service.cli("demo", "accounts")
    author, reviewer = desk(service, browser, "bianji"), desk(service, browser, "shenhe")
    enter(service, phone, link, evidence, phone=OTHER_PHONE)
    understand(phone, evidence)

    # the author writes, with the phone beside it, and hands in
    open_entry(author)
    author.get_by_label("一句话解释").fill(NEW_PLAIN)
    expect(author.get_by_label("手机预览（患者看到的样子）")).to_contain_text(NEW_PLAIN)
    author.screenshot(path=evidence.screenshot("author"), full_page=True)
    author.get_by_role("button", name="送审").click()
    expect(author.get_by_role("status").filter(has_text="已送审")).to_be_visible()
    expect(author.get_by_role("button", name="发布")).to_have_count(0)

    # another person sees the difference; the patient still has the old text
    reviewer.get_by_role("link", name="待审核").click()
    reviewer.get_by_role("link", name=TERM, exact=True).click()
    expect(reviewer.locator("ins").first).to_contain_text("新增")
    expect(reviewer.locator("del").first).to_contain_text("删除")
    reviewer.screenshot(path=evidence.screenshot("reviewer"), full_page=True)
    assert plain_on_phone(phone).startswith(OLD_PLAIN)
    reviewer.get_by_role("button", name="发布").click()
    began = time.monotonic()
    wait_until(lambda: plain_on_phone(phone) == NEW_PLAIN)
    seconds = time.monotonic() - began
    evidence.figure(f"publish → visible on the patient's page: {seconds:.1f} s")
    assert seconds < 5

    # on the phone: the marked word opens the new text with its reviewer, and the chat cites it
    phone.reload()
    phone.locator(".term", has_text=TERM).first.click()
    sheet = phone.get_by_role("dialog")
    expect(sheet).to_contain_text(NEW_PLAIN)
    expect(sheet).to_contain_text("沈审核 审核")
    phone.screenshot(path=evidence.screenshot("patient"))
    sheet.get_by_role("button", name="关闭").click()
    phone.get_by_role("navigation", name="页面内容").get_by_text("咨询").click()
    answer = ask(phone, "磨玻璃结节是什么意思？")
    expect(answer).to_contain_text("像薄雾一样")
    expect(answer.get_by_role("button", name=re.compile("查看依据.*")).first).to_be_visible()

    # an author has the entry open while somebody rolls it back: the difference first, then one press
    author.reload()
    author.get_by_label("一句话解释").fill("肺里一个小小的淡影子。")
    reviewer.get_by_role("button", name="查看差异").first.click()
    reviewer.get_by_role("button", name="恢复第 1 版的内容").click()
    wait_until(lambda: plain_on_phone(phone).startswith(OLD_PLAIN))

    # what the author wrote meanwhile overwrites nothing: they see what changed, and go on with their own text
    author.get_by_role("button", name="保存草稿").click()
    expect(author.get_by_role("alert")).to_contain_text("内容已被别人修改")
    expect(author.get_by_role("alert").locator("ins").first).to_be_visible()
    author.screenshot(path=evidence.screenshot("stale"), full_page=True)
    author.get_by_role("button", name="以最新版本为基础，保留我写的内容").click()
    expect(author.get_by_label("一句话解释")).to_have_value("肺里一个小小的淡影子。")
    author.get_by_role("button", name="保存草稿").click()
    expect(author.get_by_role("status").filter(has_text="草稿已保存")).to_be_visible()

    # whatever an entry held, nothing of it runs on the phone
    nothing_runs(phone)

    # the hit test says why
    author.get_by_role("link", name="检索测试").click()
    author.get_by_label("问题").fill("磨玻璃结节是什么")
    author.get_by_role("button", name="测试").click()
    expect(author.get_by_text("与收录的问法一致")).to_be_visible()
    author.screenshot(path=evidence.screenshot("hit-test"), full_page=True)


def test_an_administrator_enrols_nothing_in_the_demo_but_has_no_business_here(
    service: RunningService, browser: Browser
) -> None:
    service.cli("demo", "accounts")
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(f"{service.base_url}/editor")
    page.get_by_label("账号").fill("shenji")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("登录未成功")
    page.get_by_label("密码").fill(account(service, "shenji"))
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="输入动态口令")).to_be_visible()
    shown = httpx.get(f"{service.base_url}/demo", trust_env=False).text
    code = re.search(r"<td>shenji</td><td>[^<]+</td><td>(\d{6})</td>", shown)
    assert code is not None
    page.get_by_label("动态口令").fill(code[1])
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_role("alert")).to_contain_text("没有这个页面的权限")
