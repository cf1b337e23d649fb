"""The road of a download: an extraction code, the package for it, and nothing without it."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydicom.fileset import FileSet

from tests.builders.road import Examined
from tests.builders.running import RunningService
from tests.conftest import Evidence

pytestmark = pytest.mark.skipif(not Path("/usr/bin/storescu").exists(), reason="DCMTK is not installed")


@pytest.mark.clause("R3.1")
@pytest.mark.clause("R3.5")
def test_a_study_is_taken_away_with_its_code_and_not_without(
    service: RunningService, phone: Page, tmp_path: Path, evidence: Evidence
):
    owner = Examined(service, tmp_path, 302)
    owner.enter(phone)
    phone.get_by_role("button", name="下载", exact=True).click()
    sheet = phone.get_by_role("dialog", name="下载影像和报告")
    sheet.get_by_role("button", name="生成提取码").click()
    code = sheet.locator("[data-code]").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{6}", code)
    phone.screenshot(path=evidence.screenshot("1-code"))

    sheet.get_by_label("输入提取码").fill(code[::-1] if code != code[::-1] else "AAAAAA")
    sheet.get_by_role("button", name="下载", exact=True).click()
    expect(sheet.get_by_role("alert")).to_contain_text("提取码不对或已失效")
    phone.screenshot(path=evidence.screenshot("2-wrong-code"))

    sheet.get_by_label("输入提取码").fill(f" {code[:3].lower()} {code[3:]}")
    with phone.expect_download() as started:
        sheet.get_by_role("button", name="下载", exact=True).click()
    expect(sheet.get_by_text("已开始下载", exact=False)).to_be_visible()
    phone.screenshot(path=evidence.screenshot("3-started"))
    package = tmp_path / "package.zip"
    started.value.save_as(package)

    again = phone.request.get(started.value.url)
    assert again.status == 403
    assert again.json()["code"] == "ticket_spent"
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(package) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(unpacked)
    kept = sorted(hashlib.sha256(Path(item.path).read_bytes()).hexdigest() for item in FileSet(unpacked / "DICOMDIR"))
    assert kept == sorted(hashlib.sha256(item).hexdigest() for item in owner.sent)
    assert (unpacked / "报告" / "检查报告单.pdf").read_bytes().startswith(b"%PDF")
    assert (unpacked / "说明.txt").exists()
