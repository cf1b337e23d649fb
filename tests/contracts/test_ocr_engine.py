"""What every reader of text keeps to: RapidOCR, Tesseract and the stand-in that replays."""

import numpy as np
import pytest

from ocr.engines import rapid, tesseract
from ocr.engines.port import OcrEngine, Snippet
from ocr.engines.replay import ReplayEngine, fingerprint
from ocr.image.arrays import RgbImage
from ocr.types import Box, Line
from tests.builders.report_pictures import imaging_page

pytestmark = pytest.mark.model
TEXT = "检查所见\n双肺纹理清晰\n左肾结石8mm"


@pytest.fixture(scope="module")
def page() -> RgbImage:
    return np.array(imaging_page(TEXT, size=32))


@pytest.fixture(scope="module", params=["rapidocr", "tesseract", "replay"])
def engine(request, page) -> OcrEngine:
    if request.param == "rapidocr":
        return rapid.RapidOcrEngine(threads=1)
    if request.param == "tesseract":
        if not tesseract.available():
            pytest.skip("tesseract with chi_sim is not installed")
        return tesseract.TesseractEngine()
    lines = [Line(text, Box(60, 60 + 64 * row, 400, 40), 0.9) for row, text in enumerate(TEXT.splitlines())]
    strip = np.ascontiguousarray(page[120:170, 40:460])
    return ReplayEngine({fingerprint(page): lines}, {fingerprint(strip): Snippet("双肺纹理清晰", 0.9)})


class TestOcrEngine:
    def test_names_itself(self, engine):
        assert engine.name.split()[0] in {"rapidocr", "tesseract", "replay"}

    def test_reads_the_lines_of_a_page(self, engine, page):
        text = "".join(line.text for line in sorted(engine.read(page), key=lambda line: line.box.top))
        assert "双肺纹理清晰" in text
        assert "8mm" in text

    def test_boxes_lie_on_the_page_around_their_text(self, engine, page):
        lines = engine.read(page)
        assert lines
        for line in lines:
            assert 0 <= line.box.left < line.box.right <= page.shape[1]
            assert 0 <= line.box.top < line.box.bottom <= page.shape[0]
        (second,) = (line for line in lines if "纹理" in line.text)
        assert 110 < second.box.center[1] < 180

    def test_confidences_are_parts_of_one_and_match_the_characters(self, engine, page):
        for line in engine.read(page):
            assert 0 <= line.confidence <= 1
            assert len(line.char_confidences) in (0, len(line.text))

    def test_reads_one_line_strips_in_order(self, engine, page):
        strip = np.ascontiguousarray(page[120:170, 40:460])
        blank = np.full((40, 200, 3), 255, dtype=np.uint8)
        first, second = engine.read_crops([strip, blank])
        assert first.text == "双肺纹理清晰"
        assert second.text == ""

    def test_no_strips_give_no_answers(self, engine):
        assert list(engine.read_crops([])) == []

    @pytest.mark.parametrize("shape", [(400, 300, 3), (64, 900, 3), (5, 5, 3)])
    def test_an_empty_picture_holds_no_text(self, engine, shape):
        assert list(engine.read(np.full(shape, 255, dtype=np.uint8))) == []


class TestLineFinder:
    def test_finds_lines_where_they_are_read(self, page):
        finder = rapid.RapidOcrEngine(threads=1)
        heights = sorted(sum(y for _, y in corners) / 4 for corners in finder.find(page))
        assert heights == pytest.approx([80, 145, 209], abs=15)
