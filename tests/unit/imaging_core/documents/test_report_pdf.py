"""The printed report: what a reader sees and a phone scans."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from imaging_core.documents.report_pdf import PrintedReport, render_report
from imaging_core.documents.sniffing import MediaType, checked_media_type
from tests.builders.hl7 import FINDINGS, IMPRESSION

LINK = "https://imaging.example.cn/r#" + "aZ09-_" * 4 + "abc"
FONTS = Path(__file__).parents[4] / "viewer_h5/node_modules/@expo-google-fonts/noto-sans-sc"
PRINTED = PrintedReport(
    hospital="演示县人民医院",
    patient_name="测试患者",
    sex="F",
    age=45,
    patient_id="TEST0001",
    accession_number="ACC0001",
    exam_item="胸部CT平扫",
    findings=FINDINGS,
    impression=IMPRESSION,
    reporting_physician="测试报告医师",
    verifying_physician="测试审核医师",
    examined_on=date(2025, 3, 10),
    reported_at=datetime(2025, 3, 10, 3, 30, tzinfo=UTC),
    amended=False,
    link=LINK,
)


@pytest.fixture(scope="module")
def font() -> Path:
    found = next(FONTS.glob("**/NotoSansSC_400Regular.ttf"), None)
    if found is None:
        pytest.skip("the pages' fonts are not installed (npm ci in viewer_h5)")
    return found


def text_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    pages = [page.get_textpage().get_text_range() for page in document]
    return "".join("".join(pages).split())


class TestPrintedReport:
    def test_markup_in_a_report_is_text(self, font):
        hostile = "<b>粗</b> & <img src='file:///etc/passwd'/> &lt;"
        printed = replace(PRINTED, findings=hostile, hospital=hostile, patient_name=hostile)
        assert text_of(render_report(printed, font=font)).count("<b>粗</b>&<imgsrc='file:///etc/passwd'/>&lt;") == 3

    def test_missing_parts_leave_gaps_not_errors(self, font):
        empty = replace(
            PRINTED, sex="", age=None, impression="", examined_on=None, reported_at=None, accession_number=""
        )
        written = text_of(render_report(empty, font=font))
        assert "None" not in written
        assert "诊断意见" in written

    def test_a_long_report_goes_on_over_pages_and_loses_no_line(self, font):
        lines = [f"第{number}行：双肺未见异常密度影。" for number in range(150)]
        content = render_report(replace(PRINTED, findings="\n".join(lines)), font=font)
        assert len(pypdfium2.PdfDocument(content)) > 2
        assert all(line in text_of(content) for line in lines)

    def test_one_endless_line_without_breaks_is_wrapped_over_pages(self, font):
        content = render_report(replace(PRINTED, findings="影" * 6000), font=font)
        assert text_of(content).count("影") >= 6000

    def test_everything_that_belongs_on_it_is_on_it(self, font):
        written = text_of(render_report(PRINTED, font=font))
        expected = [
            "演示县人民医院",
            "影像检查报告单",
            "姓名：测试患者",
            "性别：女",
            "年龄：45岁",
            "患者编号：TEST0001",
            "检查项目：胸部CT平扫",
            "检查号：ACC0001",
            "检查日期：2025-03-10",
            "检查所见",
            FINDINGS[:20],
            "诊断意见",
            "1.右肺上叶磨玻璃结节",
            "报告医师：测试报告医师",
            "审核医师：测试审核医师",
            "报告时间：2025-03-1011:30",
            "扫码查看影像和报告",
        ]
        assert [text for text in expected if text not in written] == []
        assert "更正报告" not in written

    def test_an_amended_report_says_so(self, font):
        assert "更正报告" in text_of(render_report(replace(PRINTED, amended=True), font=font))

    @pytest.mark.clause("R3.2")
    def test_the_code_scans_to_the_link_also_from_a_poor_copy(self, font):
        page = pypdfium2.PdfDocument(render_report(PRINTED, font=font))[0]
        sharp = page.render(scale=4, grayscale=True).to_numpy().squeeze()
        corner = sharp[: sharp.shape[0] // 4, sharp.shape[1] * 7 // 10 :]
        noise = np.random.default_rng(1).normal(0, 25, corner.shape)
        poor = cv2.GaussianBlur(np.clip(corner * 0.7 + 40 + noise, 0, 255).astype(np.uint8), (5, 5), 0)
        for picture in (corner, poor):
            assert cv2.QRCodeDetector().detectAndDecode(np.ascontiguousarray(picture))[0] == LINK

    def test_the_link_and_the_patient_are_not_in_the_documents_properties(self, font):
        document = pypdfium2.PdfDocument(render_report(PRINTED, font=font))
        properties = " ".join(document.get_metadata_dict().values())
        assert not any(secret in properties for secret in ("测试患者", "TEST0001", LINK))

    def test_the_font_is_embedded_as_a_small_subset_and_the_bytes_repeat(self, font):
        content = render_report(PRINTED, font=font)
        assert b"/FontFile2" in content
        assert len(content) < 200_000 < font.stat().st_size
        assert render_report(PRINTED, font=font) == content

    def test_it_passes_our_own_door_for_documents(self, font):
        assert checked_media_type(render_report(PRINTED, font=font)) is MediaType.PDF
