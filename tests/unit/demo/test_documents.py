from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
import reportlab
from PIL import Image

from api.demo.documents import electronic_reports
from api.demo.hospital import load_hospital
from api.wiring import FONT

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
HOSPITAL = load_hospital()


class TestElectronicReports:
    def test_are_one_pdf_and_one_jpg_of_known_exams(self):
        reports = {report.media_type: report for report in electronic_reports(HOSPITAL, VERA)}
        accession_numbers = {exam.accession_number for _, exam in HOSPITAL.exams()}
        assert set(reports) == {"application/pdf", "image/jpeg"}
        assert {report.accession_number for report in reports.values()} <= accession_numbers
        assert len(pypdfium2.PdfDocument(reports["application/pdf"].content)) == 1
        assert Image.open(BytesIO(reports["image/jpeg"].content)).format == "JPEG"

    def test_are_the_same_bytes_every_time(self):
        first, again = ([report.content for report in electronic_reports(HOSPITAL, VERA)] for _ in range(2))
        assert first == again

    @pytest.mark.skipif(not FONT.exists(), reason="the pages' Chinese font is not installed")
    def test_the_pdf_says_what_the_report_says(self):
        (pdf,) = (r for r in electronic_reports(HOSPITAL, FONT) if r.media_type == "application/pdf")
        text = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_range()
        assert "左室收缩功能正常" in text
        assert "虚构" in text
