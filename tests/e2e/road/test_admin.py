"""The administrators' road: one imports people, another grants, the auditor sees both and may do neither."""

import re
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.builders import hl7
from tests.builders.road import Examined
from tests.builders.running import RunningService
from tests.builders.senders import mllp
from tests.builders.sheets import sheet
from tests.builders.staff import PASSWORD
from tests.conftest import Evidence
from tests.e2e.road.conftest import DESKTOP

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCTOR, AUDITOR = ("测试医生", "road.yisheng", "放射科", "医生"), ("测试审计", "road.shenji", "", "审计员")


def file(*rows: tuple[str, ...]) -> FilePayload:
    return {"name": "名单.xlsx", "mimeType": XLSX, "buffer": sheet(rows)}


def console(service: RunningService, browser: Browser, login: str, password: str) -> Page:
    page = browser.new_context(viewport=DESKTOP, locale="zh-CN").new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{service.base_url}/admin")
    page.get_by_label("账号").fill(login)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()
    return page


def of_the_demo(service: RunningService, browser: Browser, login: str) -> Page:
    """Sign in an administrator of the demo, whose password and code the demo page shows."""
    shown = httpx.get(f"{service.base_url}/demo", trust_env=False).text
    found = re.search(rf"<td>{login}</td><td>([^<]+)</td><td>(\d{{6}})</td>", shown)
    assert found is not None, "the demo page shows no accounts"
    page = console(service, browser, login, found[1])
    page.get_by_label("动态口令").fill(found[2])
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_role("navigation", name="栏目")).to_be_visible(timeout=30_000)
    return page


def imported(keeper: Page, evidence: Evidence) -> str:
    """Import two people, after a sheet with mistakes that imported nobody; return the auditor's password."""
    keeper.get_by_role("link", name="批量导入").click()
    keeper.get_by_label("选择 Excel 文件").set_input_files(file(DOCTOR, ("", "road.shenji", "", "院长")))
    expect(keeper.get_by_role("alert")).to_contain_text("一个账号都没有建立")
    expect(keeper.get_by_role("row", name="3 姓名 没有填写")).to_be_visible()
    keeper.screenshot(path=evidence.screenshot("import-refused"))
    assert "road.yisheng" not in keeper.request.get(keeper.url.split("/admin")[0] + "/api/admin/accounts").text()

    keeper.get_by_label("选择 Excel 文件").set_input_files(file(DOCTOR, AUDITOR))
    keeper.get_by_role("button", name="导入 2 个账号").click()
    expect(keeper.get_by_role("heading", name="已建立 2 个账号")).to_be_visible(timeout=30_000)
    keeper.screenshot(path=evidence.screenshot("imported"))
    password = keeper.get_by_role("row", name="测试审计").locator("code").inner_text()
    keeper.get_by_role("link", name="返回账号列表").click()
    expect(keeper.get_by_role("row", name="测试审计")).to_contain_text("待授权")
    keeper.screenshot(path=evidence.screenshot("accounts"))
    return password


def waiting(service: RunningService, keeper: Page, evidence: Evidence) -> None:
    """A report of somebody unknown is not lost: it waits, with the reason."""
    assert b"MSA|AE" in mllp(service.hl7_port, hl7.oru_r01(patient_id="TEST0999", accession_number="ACC0999"))
    keeper.get_by_role("link", name="待处理数据").click()
    keeper.get_by_role("button", name="隔离的消息").click()
    expect(keeper.get_by_role("row", name="患者未登记").first).to_be_visible()
    keeper.screenshot(path=evidence.screenshot("cases"))
    keeper.get_by_role("link", name="账号").click()


def measured(keeper: Page, patient: Examined, evidence: Evidence) -> None:
    """The share of retrievable institutions stands among the indicators, and a study says until when it is kept."""
    keeper.get_by_role("link", name="质控").click()
    share = keeper.get_by_role("region", name="可调阅机构")
    expect(share).to_contain_text("还没有导入名单")
    share.get_by_role("link", name="查看名单").click()
    rows = "".join(f"{number:018d},测试医院{number},测试县\n" for number in range(5))
    table: FilePayload = {
        "name": "名单.csv",
        "mimeType": "text/csv",
        "buffer": f"机构代码,机构名称,所在地\n{rows}".encode(),
    }
    keeper.get_by_label("导入名单").set_input_files(table)
    keeper.get_by_role("button", name="用这 5 家替换名单").click()
    expect(keeper.get_by_role("region", name="可调阅比例")).to_contain_text("还差 4 家")
    keeper.screenshot(path=evidence.screenshot("institutions"))
    keeper.get_by_role("link", name="质控").click()
    expect(share).to_contain_text("要求 80%")
    keeper.screenshot(path=evidence.screenshot("quality"), full_page=True)
    keeper.get_by_role("link", name="保存期限").click()
    keeper.get_by_role("searchbox").fill(patient.accession_number)
    keeper.get_by_role("button", name="查询").click()
    expect(keeper.get_by_role("row", name=patient.accession_number)).to_contain_text("年")
    keeper.screenshot(path=evidence.screenshot("retention"))
    for name in ("编码对照", "医生工作站"):
        keeper.get_by_role("link", name=name).click()
        expect(keeper.get_by_role("heading", name=name)).to_be_visible()
        keeper.screenshot(path=evidence.screenshot(name))


def granted(granter: Page, evidence: Evidence) -> None:
    row = granter.get_by_role("row", name="测试审计")
    row.get_by_role("button", name="授权").click()
    sheet_ = granter.get_by_role("dialog", name="测试审计 的角色")
    expect(sheet_.get_by_label("审计员")).to_be_checked()
    granter.screenshot(path=evidence.screenshot("grant"), animations="disabled")
    sheet_.get_by_role("button", name="保存角色").click()
    expect(granter.get_by_role("status").filter(has_text="角色已保存")).to_be_visible()
    expect(row).to_contain_text("在用")


def enrolled(auditor: Page, initial: str) -> None:
    expect(auditor.get_by_role("heading", name="绑定动态口令")).to_be_visible()
    code = pyotp.TOTP(auditor.locator("code").inner_text()).now()
    auditor.get_by_label("动态口令").fill(code)
    auditor.get_by_role("button", name="确定").click()
    auditor.get_by_label("当前密码").fill(initial)
    auditor.get_by_label("新密码", exact=True).fill(PASSWORD)
    auditor.get_by_label("再输入一次新密码").fill(PASSWORD)
    auditor.get_by_role("button", name="确定").click()


@pytest.mark.clause("R4.2")
@pytest.mark.clause("R4.3")
def test_from_the_list_of_people_to_the_audit_of_who_let_them_in(
    service: RunningService, browser: Browser, tmp_path: Path, evidence: Evidence
) -> None:
    service.cli("demo", "accounts")
    keeper = of_the_demo(service, browser, "xitong")
    measured(keeper, Examined(service, tmp_path, 880), evidence)
    waiting(service, keeper, evidence)
    initial = imported(keeper, evidence)
    expect(keeper.get_by_role("button", name="授权")).to_have_count(0)
    granted(of_the_demo(service, browser, "anquan"), evidence)

    auditor = console(service, browser, "road.shenji", initial)
    enrolled(auditor, initial)
    expect(auditor.get_by_role("link", name="审计")).to_be_visible()
    expect(auditor.get_by_role("link", name="账号")).to_have_count(0)
    assert auditor.request.get(f"{service.base_url}/api/admin/accounts").status == 403
    assert keeper.request.get(f"{service.base_url}/api/admin/audit").status == 403

    auditor.get_by_label("操作者").fill("测试审计")
    auditor.get_by_label("操作类别").select_option(label="账号与授权")
    auditor.get_by_role("button", name="查询").click()
    expect(auditor.get_by_role("status").filter(has_text="已显示 3 条")).to_be_visible(timeout=30_000)
    expect(auditor.get_by_role("row", name="授权角色")).to_contain_text("安安全（anquan）")
    expect(auditor.get_by_role("row", name="建立账号")).to_contain_text("习系统（xitong）")
    auditor.get_by_role("button", name="校验完整性").click()
    expect(auditor.get_by_role("status").filter(has_text="审计链完整")).to_be_visible(timeout=30_000)
    auditor.screenshot(path=evidence.screenshot("audit"))
