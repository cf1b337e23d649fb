"""The patient's road, in order: a CT arrives, the patient opens it on a phone, understands it and asks."""

import io
import re
import sqlite3
from pathlib import Path

import httpx
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from playwright.sync_api import Page, expect
from pydicom import dcmread

from tests.builders import hl7
from tests.builders.dicom import ct_instance, ct_series, study_uid
from tests.builders.paper import paper_photo
from tests.builders.road import read_qr, wait_until
from tests.builders.running import RunningService
from tests.builders.senders import mllp, storescu, write_instances
from tests.conftest import Evidence

pytestmark = pytest.mark.skipif(not Path("/usr/bin/storescu").exists(), reason="DCMTK is not installed")

SLICES = 120
STUDIES = {"storescu": "ACC0001", "stow": "ACC0002", "import": "ACC0003"}


def chest(number: int, side: int = 192) -> np.ndarray:
    """Return stored values of a slice that looks a little like a chest: body, two lungs, a spine, one bright spot."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    cells = np.full((side, side), -1000.0)
    cells[(x / 0.46) ** 2 + (y / 0.34) ** 2 < 1] = 40
    for centre in (-0.2, 0.2):
        cells[((x - centre) / 0.16) ** 2 + (y / 0.24) ** 2 < 1] = -850
    cells[(x / 0.06) ** 2 + ((y - 0.24) / 0.06) ** 2 < 1] = 600
    if 55 <= number <= 65:
        cells[((x + 0.2) / 0.02) ** 2 + ((y + 0.08) / 0.02) ** 2 < 1] = 30
    return cells.astype("<i2")


def send_studies(service: RunningService, folder: Path) -> None:
    """Registration, three studies by three doors, their reports, a discharge."""
    assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a04())
    slices = [
        ct_instance(192, 192, study="storescu", number=number, accession_number="ACC0001", pixels=chest(number))
        for number in range(1, SLICES + 1)
    ]
    sent = storescu(
        service.dicom_port,
        write_instances(folder / "scu", slices),
    )
    assert sent.returncode == 0, sent.stderr
    key = service.cli("key", "issue", "--name", "pacs", "--scope", "stow", "--scope", "documents").stdout.split()[-1]
    client = DICOMwebClient(f"{service.base_url}/dicom-web", headers={"Authorization": f"Bearer {key}"})
    stow = [dcmread(io.BytesIO(item)) for item in ct_series(5, 64, 64, study="stow", accession_number="ACC0002")]
    assert "FailedSOPSequence" not in client.store_instances(stow)
    imported = write_instances(folder / "cd", ct_series(4, 64, 64, study="import", accession_number="ACC0003"))
    assert "4 stored" in service.cli("import", str(imported)).stdout
    for study, accession in STUDIES.items():
        report = hl7.oru_r01(accession_number=accession, study_instance_uid=study_uid(study))
        assert b"MSA|AA" in mllp(service.hl7_port, report)
    assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a03())
    pdf = folder / "printed.pdf"
    wait_until(lambda: service.cli("print-report", "ACC0003", "--out", str(pdf), check=False).returncode == 0)
    answer = httpx.post(
        f"{service.base_url}/api/interop/documents",
        headers={"Authorization": f"Bearer {key}"},
        data={"accession_number": "ACC0003", "title": "电子报告单"},
        files={"file": ("report.pdf", pdf.read_bytes(), "application/pdf")},
    )
    assert answer.status_code == 201, answer.text


def link_in_qr(service: RunningService, folder: Path, accession_number: str = "ACC0001") -> str:
    """Print the report and scan its QR as a phone does."""
    pdf = folder / "report.pdf"
    service.cli("print-report", accession_number, "--out", str(pdf))
    link = read_qr(pdf)
    assert link.startswith(f"{service.base_url}/r#"), "the QR on the printed report cannot be read"
    return link


def code_from_inbox(service: RunningService, page: Page) -> str:
    """Read the verification code on the demo's inbox page."""
    inbox = page.context.new_page()

    def code() -> str | None:
        inbox.goto(f"{service.base_url}/demo/inbox")
        found = re.search(r"验证码是 (\d{6})", inbox.inner_text("body"))
        return found[1] if found else None

    sent = wait_until(code)
    inbox.close()
    return sent


def enter(service: RunningService, page: Page, link: str, evidence: Evidence, *, phone: str = hl7.PHONE) -> None:
    """Open the link, see nothing, verify by the code on the phone on record."""
    page.goto(link)
    expect(page.get_by_role("button", name="获取验证码")).to_be_visible()
    assert "#" not in page.url.rstrip("#/").split("/r", 1)[1] or link.split("#")[1] not in page.url
    assert "测试患者" not in page.content()
    page.screenshot(path=evidence.screenshot("1-door"))
    page.get_by_label("登记时留的手机号").fill(phone)
    page.get_by_role("button", name="获取验证码").click()
    page.get_by_label("短信验证码").fill(code_from_inbox(service, page))
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="查看报告").click()
    expect(page.get_by_text("磨玻璃结节").first).to_be_visible()
    page.screenshot(path=evidence.screenshot("2-report"))


def see_pictures(page: Page, evidence: Evidence) -> None:
    """JPG first, DICOM by one tap, back to the report and again: the place is kept."""
    tabs = page.get_by_role("navigation", name="页面内容")
    tabs.get_by_text("影像").click()
    pane = page.locator("[data-mode]")
    expect(pane).to_have_attribute("data-mode", "preview")
    expect(pane).to_have_attribute("data-shown", "true")
    page.screenshot(path=evidence.screenshot("3-jpg"))
    for _ in range(3):
        page.get_by_role("button", name="下一幅").click()
    place = pane.get_attribute("data-index")
    page.locator('[data-ask="dicom"]').click()
    expect(pane).to_have_attribute("data-mode", "dicom")
    expect(pane).to_have_attribute("data-shown", "true", timeout=60_000)
    assert pane.get_attribute("data-index") == place
    page.screenshot(path=evidence.screenshot("4-dicom"))
    address = page.url
    tabs.get_by_text("报告").click()
    expect(page.get_by_text("检查所见").first).to_be_visible()
    tabs.get_by_text("影像").click()
    assert pane.get_attribute("data-index") == place
    assert pane.get_attribute("data-mode") == "dicom"
    assert page.url == address


def understand(page: Page, evidence: Evidence) -> None:
    """智能解读: terms marked in place with explanation and source, findings in plain words."""
    tabs = page.get_by_role("navigation", name="页面内容")
    tabs.get_by_text("解读").click()
    page.get_by_role("button", name="开始智能解读").click()
    page.get_by_role("dialog").get_by_role("button", name="同意并继续").click()
    expect(page.get_by_text("AI生成，仅供参考，不能代替医生诊断").first).to_be_visible()
    expect(page.get_by_text("需要了解的")).to_be_visible()
    page.screenshot(path=evidence.screenshot("5-explained"), full_page=True)
    tabs.get_by_text("报告").click()
    page.locator(".term", has_text="磨玻璃").first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("来源", exact=False).first).to_be_visible()
    page.screenshot(path=evidence.screenshot("6-term"))
    sheet.get_by_role("button", name="关闭").click()


def ask(page: Page, question: str):
    """Ask, wait for the end, return the last answer's card."""
    page.get_by_label("请输入您的问题").fill(question)
    page.get_by_role("button", name="发送").click()
    expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false", timeout=60_000)
    return page.get_by_role("article").last


def converse(page: Page, evidence: Evidence) -> None:
    """A question about the report, a follow-up, a lifestyle question, an unknown one, a red flag."""
    page.get_by_role("navigation", name="页面内容").get_by_text("咨询").click()
    expect(ask(page, "报告里的结节是什么意思？")).to_contain_text("结节")
    follow_up = ask(page, "那它要多久复查一次？")
    expect(follow_up).to_contain_text("6个月")
    expect(ask(page, "平时抽烟对肺结节有影响吗？")).to_contain_text(re.compile("[吸抽]烟"))
    page.screenshot(path=evidence.screenshot("7-chat"))
    unknown = ask(page, "种牙以后多久能吃硬东西？")
    expect(unknown).to_contain_text("没有查到可靠的依据")
    red = ask(page, "我胸痛喘不上气怎么办")
    expect(red.get_by_role("alert")).to_contain_text("120")
    expect(red.get_by_role("link", name="拨打 120")).to_have_attribute("href", "tel:120")
    page.screenshot(path=evidence.screenshot("8-emergency"))
    cites = page.get_by_role("log").get_by_role("button", name=re.compile("查看依据"))
    cites.and_(page.get_by_role("button", name=re.compile("报告原文"))).first.click()
    expect(page.get_by_text("原文在这里")).to_be_visible()
    page.get_by_role("button", name="回到咨询").click()
    cites.and_(page.get_by_role("button", name=re.compile("结节"))).first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("来源", exact=False).first).to_be_visible()
    page.screenshot(path=evidence.screenshot("9-citation"))
    sheet.get_by_role("button", name="关闭").first.click()


def read_paper(page: Page, folder: Path, evidence: Evidence) -> None:
    """Photograph a paper report, confirm the fields beside the picture, have it interpreted."""
    photo = folder / "paper.jpg"
    photo.write_bytes(paper_photo())
    page.get_by_role("button", name="打开菜单").click()
    page.get_by_text("拍照解读其他报告单").click()
    page.get_by_role("button", name="从手机中选择").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("dialog").get_by_role("button", name="同意并继续").click()
    chooser.value.set_files(photo)
    expect(page.get_by_text("请对照照片核对")).to_be_visible(timeout=90_000)
    page.screenshot(path=evidence.screenshot("10-paper"), full_page=True)
    expect(page.get_by_label("诊断意见")).to_have_value(re.compile("右肺下叶"))
    page.get_by_role("button", name="核对无误，开始解读").click()
    expect(page.get_by_text("建议是：12个月后复查", exact=False).first).to_be_visible()
    page.screenshot(path=evidence.screenshot("11-paper-explained"))


@pytest.mark.clause("R3.1")
@pytest.mark.clause("R3.2")
@pytest.mark.clause("R3.4")
@pytest.mark.clause("R3.5")
@pytest.mark.clause("R3.6")
@pytest.mark.clause("R3.9")
@pytest.mark.clause("R3.10")
@pytest.mark.clause("R3.11")
@pytest.mark.clause("R4.3")
def test_a_ct_arrives_and_the_patient_opens_it_understands_it_and_asks(
    service: RunningService, phone: Page, tmp_path: Path, evidence: Evidence
):
    send_studies(service, tmp_path)
    link = link_in_qr(service, tmp_path)
    wait_until(lambda: derived(service, study_uid("storescu")))
    enter(service, phone, link, evidence)
    see_pictures(phone, evidence)
    understand(phone, evidence)
    converse(phone, evidence)
    read_paper(phone, tmp_path, evidence)
    audit_holds_and_breaks(service)


def derived(service: RunningService, study: str) -> bool:
    """Return whether the worker has made the study's pictures."""
    with sqlite3.connect(f"file:{service.data / 'index.sqlite'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT manifest_version FROM studies WHERE study_instance_uid = ?", [study]).fetchone()
    return bool(row and row[0])


def audit_holds_and_breaks(service: RunningService) -> None:
    """Every act stands in the audit; changing one row breaks the chain, putting it back mends it."""
    wait_until(lambda: '"open": 0' in service.cli("audit", "verify", "--json").stdout)
    path = service.data / "index.sqlite"
    with sqlite3.connect(path, timeout=20) as database:
        actions = {row[0] for row in database.execute("SELECT DISTINCT action FROM audit_events")}
        wanted = {
            "import",
            "instances.received",
            "study.viewed",
            "images.viewed",
            "report.interpreted",
            "question.asked",
        }
        assert wanted | {"paper.uploaded", "paper.confirmed", "document.received", "report.printed"} <= actions
        row, before = database.execute("SELECT id, outcome FROM audit_events WHERE action='study.viewed'").fetchone()
        database.execute("UPDATE audit_events SET outcome='refused' WHERE id=?", [row])
    broken = service.cli("audit", "verify", check=False)
    assert broken.returncode == 1
    assert row in broken.stdout
    with sqlite3.connect(path, timeout=20) as database:
        database.execute("UPDATE audit_events SET outcome=? WHERE id=?", [before, row])
    assert service.cli("audit", "verify").returncode == 0
