import numpy as np
import pytest

from ocr.engines.port import Snippet
from ocr.messages import FLAG_MISSING, FLAG_UNLIKE_RANGE, NUMBER_WITHOUT_UNIT, READERS_DISAGREE, VALUE_MISSING
from ocr.report_form.form import Form, build_form
from ocr.report_form.lookalikes import corrected
from ocr.report_form.second_reader import check
from ocr.report_form.verdict import refusal_of
from ocr.types import Box, Line, Refusal

ROW_HEIGHT = 50


def piece(text: str, left: int, row: int, *, weak: str = "", confidence: float = 0.5) -> Line:
    """A printed piece; the characters of `weak` were read with little confidence."""
    start = text.find(weak) if weak else -1
    unsure = range(start, start + len(weak)) if weak else range(0)
    confidences = tuple(confidence if index in unsure else 0.999 for index in range(len(text)))
    return Line(text, Box(left, ROW_HEIGHT * row, 24 * len(text), 30), 0.99, (), confidences)


def page(*rows: list[tuple[str, int]]) -> list[list[Line]]:
    return [[piece(text, left, number) for text, left in row] for number, row in enumerate(rows)]


def nothing_there(_box: Box) -> Line | None:
    return None


def form_of(rows: list[list[Line]], look=nothing_there) -> Form:
    return build_form(rows, look)


HEAD = (
    [("演示县人民医院", 300)],
    [("CT检查报告单", 320)],
    [("姓名：测试甲", 60), ("性别：女", 400), ("年龄：46岁", 600)],
    [("检查号：CT2024O01", 60), ("检查日期：2024年5月6日", 500)],
)
LAB_HEAD = [("项目", 60), ("结果", 380), ("单位", 540), ("参考范围", 700), ("提示", 920)]


class TestHead:
    def test_labels_and_values_are_found_wherever_they_stand(self):
        fields = form_of(page(*HEAD)).fields
        assert {key: field.value for key, field in fields.items()} == {
            "hospital": "演示县人民医院",
            "name": "测试甲",
            "sex": "女",
            "age": "46岁",
            "exam_no": "CT2024001",
            "exam_date": "2024-05-06",
        }

    def test_several_labels_in_one_piece_are_told_apart(self):
        fields = form_of(page([("姓 名：测试甲 性别:男 年龄：8月", 60)])).fields
        assert [fields[key].value for key in ("name", "sex", "age")] == ["测试甲", "男", "8月"]

    def test_a_value_may_stand_in_the_next_piece(self):
        assert form_of(page([("姓名：", 60), ("测试甲", 180)])).fields["name"].value == "测试甲"

    def test_an_empty_label_does_not_take_its_neighbours_label(self):
        assert "name" not in form_of(page([("姓名：", 60), ("性别：女", 180)])).fields

    def test_a_time_glued_to_its_date_is_told_apart(self):
        assert form_of(page([("报告时间：2024-05-0610:20", 60)])).fields["report_date"].value == "2024-05-06 10:20"

    def test_a_time_that_lost_a_digit_is_left_out(self):
        assert form_of(page([("报告时间：2024-05-060:20", 60)])).fields["report_date"].value == "2024-05-06"

    def test_a_label_after_letters_and_digits_is_still_a_label(self):
        fields = form_of(page([("检查号：CT2024001检查日期：2024-05-06", 60)])).fields
        assert (fields["exam_no"].value, fields["exam_date"].value) == ("CT2024001", "2024-05-06")

    def test_an_impossible_date_stays_as_it_was_read(self):
        assert form_of(page([("检查日期：2024-15-06", 60)])).fields["exam_date"].value == "2024-15-06"

    def test_the_clinical_diagnosis_is_not_the_impression(self):
        assert "impression" not in form_of(page([("临床诊断：肺结节", 60)])).fields

    def test_a_field_knows_its_place(self):
        box = form_of(page(*HEAD)).fields["sex"].box
        assert box is not None
        assert 400 < box.left < box.right <= 400 + 24 * len("性别：女")


class TestSections:
    @pytest.mark.parametrize(
        ("findings", "impression"),
        [
            ("检查所见：", "诊断意见："),
            ("影像学表现", "影像诊断"),
            ("【超声所见】", "【超声提示】"),
            ("影像所见:", "印象:"),
        ],
    )
    def test_known_headings_open_their_section(self, findings, impression):
        rows = page([(findings, 60)], [("双肺清晰。", 60)], [(impression, 60)], [("1.未见异常。", 60)])
        fields = form_of(rows).fields
        assert fields["findings"].value == "双肺清晰。"
        assert fields["impression"].value == "1.未见异常。"

    def test_text_may_follow_its_heading_on_the_same_line(self):
        assert form_of(page([("印象：双肺未见异常。", 60)])).fields["impression"].value == "双肺未见异常。"

    def test_signatures_and_notes_end_the_text(self):
        rows = page(
            [("诊断意见：", 60)],
            [("左肾结石。", 60)],
            [("报告医师：测试乙", 60), ("审核医师：测试丙", 400)],
            [("注：本报告仅供参考。", 60)],
        )
        fields = form_of(rows).fields
        assert fields["impression"].value == "左肾结石。"
        assert fields["reporting_physician"].value == "测试乙"
        assert fields["verifying_physician"].value == "测试丙"

    def test_a_heading_without_text_gives_no_field(self):
        assert "findings" not in form_of(page([("检查所见：", 60)], [("报告医师：测试乙", 60)])).fields


class TestLaboratory:
    def test_rows_are_read_by_column(self):
        rows = page(LAB_HEAD, [("白细胞计数", 60), ("11.82", 380), ("10-9/L", 540), ("3.50-9.50", 700), ("↑", 925)])
        (row,) = form_of(rows).rows
        assert (row.item, row.value, row.unit, row.reference, row.flag) == (
            "白细胞计数",
            "11.82",
            "10^9/L",
            "3.50-9.50",
            "↑",
        )

    @pytest.mark.parametrize(
        ("mark", "value", "flag"), [("1", "11.82", "↑"), ("T", "11.82", "↑"), ("←", "2.10", "↓"), ("H", "11.82", "↑")]
    )
    def test_a_mark_read_as_a_letter_is_the_arrow_the_range_asks_for(self, mark, value, flag):
        form = form_of(page(LAB_HEAD, [("白细胞", 60), (value, 380), ("3.50-9.50", 700), (mark, 925)]))
        assert form.rows[0].flag == flag
        assert not form.doubts

    def test_an_arrow_against_the_range_is_kept_and_doubted(self):
        form = form_of(page(LAB_HEAD, [("白细胞", 60), ("11.82", 380), ("3.50-9.50", 700), ("↓", 925)]))
        assert form.rows[0].flag == "↓"
        assert [(doubt.why, doubt.where) for doubt in form.doubts] == [(FLAG_UNLIKE_RANGE, "row:0")]

    def test_a_missing_arrow_is_not_made_up(self):
        form = form_of(page(LAB_HEAD, [("白细胞", 60), ("11.82", 380), ("3.50-9.50", 700)]))
        assert form.rows[0].flag == ""
        assert [doubt.why for doubt in form.doubts] == [FLAG_MISSING]

    def test_a_missing_arrow_found_on_a_second_look_counts(self):
        def look(box: Box) -> Line:
            return Line("↑", box, 0.9, (), (0.9,))

        form = form_of(page(LAB_HEAD, [("白细胞", 60), ("11.82", 380), ("3.50-9.50", 700)]), look)
        assert form.rows[0].flag == "↑"
        assert form.text.splitlines()[-1] == "↑"
        assert not form.doubts

    def test_a_result_that_was_not_read_is_asked_for(self):
        form = form_of(page(LAB_HEAD, [("白细胞", 60), ("3.50-9.50", 700)]))
        assert form.rows[0].value == ""
        assert [doubt.why for doubt in form.doubts] == [VALUE_MISSING]

    def test_letters_in_a_numeric_result_are_digits(self):
        form = form_of(page(LAB_HEAD, [("尿素", 60), ("1O.l", 380), ("3.1-8.8", 700), ("↑", 925)]))
        assert form.rows[0].value == "10.1"

    def test_a_result_in_words_stays(self):
        form = form_of(page(LAB_HEAD, [("尿蛋白", 60), ("阴性", 380), ("阴性", 700)]))
        assert (form.rows[0].value, form.doubts) == ("阴性", [])

    def test_two_tables_side_by_side_are_told_apart(self):
        heads = [("项目", 60), ("结果", 200), ("参考范围", 300), ("项目", 560), ("结果", 700), ("参考范围", 800)]
        row = [("钾", 60), ("4.1", 200), ("3.5-5.3", 300), ("钠", 560), ("140", 700), ("137-147", 800)]
        form = form_of(page(heads, row))
        assert [(one.item, one.value, one.reference) for one in form.rows] == [
            ("钾", "4.1", "3.5-5.3"),
            ("钠", "140", "137-147"),
        ]

    def test_the_foot_is_no_laboratory_row(self):
        form = form_of(page(LAB_HEAD, [("钾", 60), ("4.1", 380), ("3.5-5.3", 700)], [("检验者：测试乙", 60)]))
        assert len(form.rows) == 1
        assert form.fields["reporting_physician"].value == "测试乙"


class TestLookalikes:
    @pytest.mark.parametrize(
        ("read", "printed"),
        [
            ("腰椎MR1平扫", "腰椎MRI平扫"),
            ("T2W1信号减低", "T2WI信号减低"),
            ("mmo1/L", "mmol/L"),
            ("约3×109/L", "约3×109/L"),
            ("双肺纹理清晰·心影不大", "双肺纹理清晰。心影不大"),
            ("椎间盘L3/4·L4/5膨出信号减低", "椎间盘L3/4、L4/5膨出信号减低"),
        ],
    )
    def test_spelling_is_put_right_without_asking(self, read, printed):
        line, corrections = corrected(piece(read, 0, 0))
        assert (line.text, corrections) == (printed, [])

    @pytest.mark.parametrize(
        ("read", "printed"),
        [
            ("双侧胸腔末见积液", "双侧胸腔未见积液"),
            ("14/5椎间盘突出", "L4/5椎间盘突出"),
            ("1.14/5椎间盘突出", "1.L4/5椎间盘突出"),
        ],
    )
    def test_what_changes_the_meaning_is_put_right_and_asked(self, read, printed):
        line, corrections = corrected(piece(read, 0, 0))
        assert line.text == printed
        assert len(corrections) == 1

    @pytest.mark.parametrize("text", ["周期末梢神经", "阿依古丽·买买提", "末节指骨", "8.14/5.2", "L4/5椎间盘"])
    def test_what_may_be_right_stays(self, text):
        assert corrected(piece(text, 0, 0)) == (piece(text, 0, 0), [])

    def test_an_unsure_character_of_a_known_word_is_put_right_and_asked(self):
        line, corrections = corrected(piece("右膝骸上囊积液", 0, 0, weak="骸"))
        assert line.text == "右膝髌上囊积液"
        assert corrections[0].read == "骸上囊积液"

    def test_a_sure_character_is_never_replaced(self):
        assert corrected(piece("右膝骸上囊积液", 0, 0))[0].text == "右膝骸上囊积液"

    def test_places_stay_valid(self):
        line, _ = corrected(piece("腰椎MR1平扫末见异常·余未见", 0, 0, weak="末"))
        assert len(line.text) == len(line.char_confidences)

    @pytest.mark.parametrize("word", ["左", "右", "未", "无", "上", "下"])
    def test_a_side_or_negation_is_never_guessed(self, word):
        text = f"{word}腹部积液"
        assert corrected(piece(text, 0, 0, weak=word))[0].text == text


class AnsweringReader:
    """A second reader with a fixed answer for every line."""

    name = "answering"

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self.asked = 0

    def read(self, image):
        return ()

    def read_crops(self, crops):
        self.asked += len(crops)
        return [Snippet(self._answer, 0.9)] * len(crops)


def doubts_with(reader: AnsweringReader | None, *, weak: str, confidence: float, text: str = "左肺结节约8mm。"):
    rows = [[piece("检查所见：", 60, 0)], [piece(text, 60, 1, weak=weak, confidence=confidence)]]
    form = form_of(rows)
    return check(form.unsure, reader, lambda line: np.zeros((30, 200, 3), dtype=np.uint8))


class TestSecondReader:
    def test_is_not_asked_about_what_is_sure(self):
        reader = AnsweringReader("")
        assert doubts_with(reader, weak="结", confidence=0.5) == []
        assert reader.asked == 0

    def test_agreement_settles_a_mild_doubt(self):
        assert doubts_with(AnsweringReader("左肺结节约8mm。"), weak="左", confidence=0.9) == []

    def test_disagreement_about_a_side_is_shown(self):
        (doubt,) = doubts_with(AnsweringReader("右肺结节约8mm。"), weak="左", confidence=0.97)
        assert (doubt.text, doubt.why, doubt.where) == ("左", READERS_DISAGREE, "findings")

    def test_agreement_does_not_settle_a_grave_doubt(self):
        assert doubts_with(AnsweringReader("左肺结节约8mm。"), weak="8", confidence=0.6)

    def test_a_second_reader_that_is_lost_proves_nothing(self):
        assert doubts_with(AnsweringReader("@#!"), weak="8", confidence=0.96) == []

    def test_without_a_second_reader_the_first_must_be_surer(self):
        assert doubts_with(None, weak="未", confidence=0.9, text="双肺未见结节。")
        assert doubts_with(None, weak="未", confidence=0.97, text="双肺未见结节。") == []

    def test_the_number_of_a_point_hurts_nobody(self):
        assert doubts_with(None, weak="1", confidence=0.5, text="1.双肺清晰。") == []


class TestPlausibility:
    @pytest.mark.parametrize("text", ["大小约32m×28", "CT值约3580，", "直径约15m。"])
    def test_a_measurement_without_unit_is_doubted(self, text):
        form = form_of(page([("检查所见：", 60)], [(text, 60)]))
        assert NUMBER_WITHOUT_UNIT in [doubt.why for doubt in form.doubts]

    @pytest.mark.parametrize("text", ["大小约32mm×28mm，", "CT值约35HU，", "直径约1.5cm。", "厚约7 mm"])
    def test_a_whole_measurement_is_not(self, text):
        assert form_of(page([("检查所见：", 60)], [(text, 60)])).doubts == []

    def test_a_unit_on_the_next_line_counts(self):
        assert form_of(page([("检查所见：", 60)], [("大小约32mm×28", 60)], [("mm，边界清。", 60)])).doubts == []


class TestVerdict:
    @pytest.mark.parametrize(
        ("text", "refusal"),
        [
            ("", Refusal.NO_TEXT),
            ("今天天气真好，我们去公园吧", Refusal.NO_REPORT),
            ("姓名 测试 性别 女 民族 汉 公民身份号码", Refusal.IDENTITY_CARD),
            ("演示县人民医院 门诊收费票据 收款人 金额 合计 12.00", Refusal.RECEIPT),
            ("演示县人民医院 欢迎您 请到三楼检查", Refusal.NO_REPORT),
        ],
    )
    def test_what_is_no_report_is_told_apart(self, text, refusal):
        assert refusal_of(text, (), 0) is refusal

    def test_a_report_without_its_head_is_still_a_report(self):
        assert refusal_of("检查所见：双肺清晰。诊断意见：未见异常。医师", ("findings", "impression"), 0) is None

    def test_laboratory_rows_make_a_report(self):
        assert refusal_of("项目 结果 参考范围 检验者", (), 3) is None
