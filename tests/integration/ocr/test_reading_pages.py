"""Whole pages through the real engines in the real process."""

import io

import numpy as np
import pytest
from PIL import Image

from ocr.types import Reading, Refusal
from tests.builders.report_pictures import blurred, encoded, imaging_page, lab_page, stamped, texture, tilted

pytestmark = [pytest.mark.integration, pytest.mark.model, pytest.mark.clause("R3.9")]
FINDINGS = (
    "双侧胸廓对称，纵隔居中。右肺下叶见一实性结节，大小约5mm×4mm，边界清楚。左肺未见异常密度影，双侧胸腔未见积液。"
)


def plain(text: str) -> str:
    return "".join(text.split()).replace(",", "，").replace("：", ":")


def check_imaging(reading: Reading) -> None:
    assert reading.accepted, reading.reason
    values = {key: field.value for key, field in reading.fields.items()}
    assert values["name"] == "测试甲"
    assert values["exam_no"] == "CT2024001"
    assert values["report_date"] == "2024-05-06 10:20"
    assert plain(values["findings"]) == FINDINGS
    assert values["impression"].splitlines() == ["1.右肺下叶实性结节，建议12个月后复查。", "2.左肺未见异常。"]


class TestPages:
    def test_a_clean_page_is_read_without_doubts(self, worker):
        reading = worker.read(encoded(imaging_page(), "PNG"))
        check_imaging(reading)
        assert not reading.doubts

    @pytest.mark.parametrize("degrees", [-9, -3, 4, 9])
    def test_a_tilted_photo_is_read(self, worker, degrees):
        check_imaging(worker.read(encoded(tilted(imaging_page(), degrees))))

    @pytest.mark.parametrize("quarter", [1, 2, 3])
    def test_a_turned_page_is_read_and_its_turn_told(self, worker, quarter):
        reading = worker.read(encoded(Image.fromarray(np.rot90(np.array(imaging_page()), quarter))))
        check_imaging(reading)
        assert reading.turn == 90 * quarter

    @pytest.mark.parametrize("quarter", [0, 1, 2, 3])
    def test_boxes_lie_on_the_picture_as_it_came(self, worker, quarter):
        page = imaging_page()
        reading = worker.read(encoded(Image.fromarray(np.rot90(np.array(page), quarter)), "PNG"))
        box = reading.fields["exam_no"].box
        assert box is not None
        upright = {
            0: (box.left, box.top),
            1: (reading.height - box.top - box.height, box.left),
            2: (reading.width - box.left - box.width, reading.height - box.top - box.height),
            3: (box.top, reading.width - box.left - box.width),
        }[quarter]
        assert upright[0] == pytest.approx(165, abs=25)
        assert upright[1] == pytest.approx(60 + 3 * 52, abs=15)

    def test_the_camera_turn_and_a_large_photo_give_boxes_in_full_size(self, worker):
        page = imaging_page().resize((3150, 2172))
        sideways = Image.fromarray(np.rot90(np.array(page), 1))
        reading = worker.read(encoded(sideways, orientation=6))
        check_imaging(reading)
        assert (reading.width, reading.height, reading.turn) == (3150, 2172, 0)
        box = reading.fields["exam_no"].box
        assert box is not None
        assert box.left == pytest.approx(3 * 165, abs=60)

    def test_a_stamp_over_the_signatures_harms_neither_text_nor_date(self, worker):
        fields = worker.read(encoded(stamped(imaging_page()))).fields
        assert plain(fields["findings"].value) == FINDINGS
        assert fields["report_date"].value.startswith("2024-05-06")

    def test_a_slightly_blurred_page_is_read(self, worker):
        check_imaging(worker.read(encoded(blurred(imaging_page(), 1.2))))

    def test_a_laboratory_sheet_is_read_row_by_row(self, worker):
        reading = worker.read(encoded(tilted(lab_page(), 3)))
        assert reading.accepted, reading.reason
        assert [(row.item, row.value, row.unit, row.reference, row.flag) for row in reading.rows] == [
            ("白细胞计数", "11.82", "10^9/L", "3.50-9.50", "↑"),
            ("血红蛋白", "128", "g/L", "115-150", ""),
            ("血小板计数", "86", "10^9/L", "125-350", "↓"),
        ]

    def test_a_pdf_is_read(self, worker):
        out = io.BytesIO()
        imaging_page().save(out, "PDF", save_all=True, append_images=[Image.new("RGB", (1050, 700), "white")])
        reading = worker.read(out.getvalue())
        check_imaging(reading)
        assert reading.pages == 2

    def test_a_path_is_read_and_progress_told(self, worker, tmp_path):
        path = tmp_path / "report.png"
        path.write_bytes(encoded(imaging_page(), "PNG"))
        stages: list[str] = []
        check_imaging(worker.read(path, lambda step: stages.append(step.stage)))
        assert stages == ["opening", "reading", "checking", "done"]


class TestRefusals:
    def test_a_picture_without_text_is_refused(self, worker):
        assert worker.read(encoded(texture())).refusal in {Refusal.NO_TEXT, Refusal.NO_REPORT}

    def test_a_chat_is_refused(self, worker):
        page = imaging_page("今天去医院了吗\n去了，人很多\n医生怎么说\n让我下周再来看看")
        assert worker.read(encoded(page)).refusal is Refusal.NO_REPORT

    def test_an_identity_card_is_refused(self, worker):
        page = imaging_page("姓名 测试甲\n性别 女 民族 汉\n出生 1980年1月1日\n公民身份号码 000000198001010000")
        reading = worker.read(encoded(page))
        assert reading.refusal is Refusal.IDENTITY_CARD
        assert reading.text == ""

    def test_a_hopelessly_blurred_page_is_refused_rather_than_guessed(self, worker):
        reading = worker.read(encoded(blurred(imaging_page(), 9)))
        assert not reading.accepted
        assert reading.reason

    def test_the_clean_copy_is_upright_and_bare(self, worker):
        sideways = Image.fromarray(np.rot90(np.array(imaging_page()), 1))
        (copy,) = worker.clean_pictures(encoded(sideways, orientation=6))
        picture = Image.open(io.BytesIO(copy))
        assert picture.width > picture.height
        assert not picture.getexif()
