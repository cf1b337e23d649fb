import numpy as np
import pytest
from PIL import Image

from ocr.engines.replay import ReplayEngine, fingerprint
from ocr.evaluation import output_line, pictures_in
from ocr.image.opening import open_pages
from ocr.limits import PictureLimits
from ocr.messages import REASONS
from ocr.reading import ReportReader, reading_score
from ocr.scoring import score, true_lab_rows
from ocr.types import Box, Line, Progress, Reading, Refusal
from ocr.wire import reading_from_json, reading_to_json
from tests.builders.report_pictures import encoded, texture

LIMITS = PictureLimits()
PICTURE = encoded(texture(side=800), "PNG")
LINES = [
    Line("演示县人民医院", Box(100, 20, 300, 40), 0.99),
    Line("姓名：测试甲", Box(60, 100, 160, 30), 0.99),
    Line("检查所见：", Box(60, 160, 160, 30), 0.99),
    Line("双肺清晰，左肺下叶见结节，大小约8mm×", Box(60, 220, 640, 30), 0.99),
    Line("6mm。", Box(60, 280, 90, 30), 0.99),
    Line("报告医师：测试乙", Box(60, 340, 160, 30), 0.99),
]


def ignore(_step: Progress) -> None:
    return None


def reader_of(lines: list[Line], data: bytes = PICTURE) -> ReportReader:
    image = open_pages(data, LIMITS).pages[0].image
    return ReportReader(ReplayEngine({fingerprint(image): lines}), finder=None, second=None, limits=LIMITS)


def read(data: bytes, lines: list[Line] = LINES) -> Reading:
    return reader_of(lines).read(data, ignore)


class TestReading:
    def test_fields_come_with_their_place_on_the_picture(self):
        reading = read(PICTURE)
        assert reading.accepted
        assert reading.fields["findings"].value == "双肺清晰，左肺下叶见结节，大小约8mm×6mm。"
        assert reading.fields["findings"].box == Box(60, 220, 640, 90)
        assert (reading.width, reading.height) == (800, 800)

    def test_progress_rises_to_the_end(self):
        steps: list[Progress] = []
        reader_of(LINES).read(PICTURE, steps.append)
        assert [step.done for step in steps] == sorted(step.done for step in steps)
        assert steps[-1] == Progress("done", 1.0)

    @pytest.mark.parametrize(
        ("data", "refusal"),
        [
            (b"not a picture", Refusal.NOT_A_PICTURE),
            (encoded(texture(seed=3)), Refusal.NO_TEXT),
            (encoded(Image.new("RGB", (600, 600), "white")), Refusal.BLANK),
            (encoded(Image.new("RGB", (600, 600), (20, 20, 20))), Refusal.TOO_DARK),
        ],
    )
    def test_a_picture_that_cannot_be_read_is_refused_with_a_sentence(self, data, refusal):
        reading = read(data)
        assert (reading.accepted, reading.refusal, reading.reason) == (False, refusal, REASONS[refusal])

    def test_text_that_is_no_report_is_refused(self):
        reading = read(PICTURE, [Line("今天天气真好", Box(60, 60, 200, 30), 0.99)])
        assert reading.refusal is Refusal.NO_REPORT

    def test_small_unreadable_text_is_refused_rather_than_guessed(self):
        poor = [Line("检查所见晤唔", Box(60, 60, 200, 30), 0.5)]
        assert read(PICTURE, poor).refusal is Refusal.BLURRED

    def test_unsure_characters_count_against_a_reading(self):
        sure, unsure = Line("八个字", Box(0, 0, 9, 9), 0.99), Line("杂乱的字符", Box(0, 0, 9, 9), 0.3)
        assert reading_score([sure]) > reading_score([sure, unsure])


class TestWire:
    @pytest.mark.parametrize("data", [PICTURE, b"not a picture"])
    def test_a_reading_survives_the_way_between_processes(self, data):
        reading = read(data)
        assert reading_from_json(reading_to_json(reading)) == reading

    @pytest.mark.parametrize("data", [{}, {"fields": []}, {"fields": {}, "rows": [1], "doubts": [], "refusal": None}])
    def test_what_is_no_reading_is_an_error(self, data):
        with pytest.raises(ValueError, match="not a reading"):
            reading_from_json(data)


class TestEvaluation:
    def test_pictures_come_in_the_order_of_their_names_and_notes_are_left_alone(self, tmp_path):
        for name in ("b.JPG", "a.pdf", "truth.txt", "c.png"):
            (tmp_path / name).write_bytes(b"")
        assert [path.name for path in pictures_in(tmp_path)] == ["a.pdf", "b.JPG", "c.png"]

    def test_a_missing_folder_is_an_error(self, tmp_path):
        with pytest.raises(NotADirectoryError):
            pictures_in(tmp_path / "none")

    def test_the_line_has_the_public_fields(self):
        line = output_line("a.png", read(PICTURE))
        assert line["fields"]["name"] == "测试甲"
        assert line["field_boxes"]["findings"] == [60, 220, 640, 90]
        public = {"file", "text", "fields", "rows", "low_confidence", "accepted", "reason", "seconds"}
        assert public <= line.keys()


class TestScoring:
    TRUTH = "演示县人民医院\n姓名：测试甲\n检查所见：\n双肺清晰，左肺下叶见结节，大小约8mm×\n6mm。\n报告医师：测试乙"

    def test_a_right_reading_has_no_errors(self):
        right = score(self.TRUTH, read(PICTURE))
        assert (right.character_errors, right.fields_right, right.pieces_found) == (0, right.fields, right.pieces)

    def test_a_wrong_side_costs_a_character_a_piece_and_a_field(self):
        wrong = [*LINES[:3], Line("双肺清晰，右肺下叶见结节，大小约8mm×", LINES[3].box, 0.99), *LINES[4:]]
        result = score(self.TRUTH, read(PICTURE, wrong))
        assert (result.character_errors, result.pieces - result.pieces_found, result.fields - result.fields_right) == (
            1,
            1,
            1,
        )

    def test_the_rows_of_a_printed_sheet_are_known(self):
        printed = "检验报告单\n项目\n结果\n单位\n参考范围\n提示\n钾\n3.1\nmmol/L\n3.5-5.3\n↓\n钠\n140\nmmol/L\n137-147\n审核者：测试乙"
        assert [(row.item, row.flag) for row in true_lab_rows(printed)] == [("钾", "↓"), ("钠", "")]


def test_a_stand_in_knows_only_its_pictures():
    assert ReplayEngine({}).read(np.zeros((40, 40, 3), dtype=np.uint8)) == ()
