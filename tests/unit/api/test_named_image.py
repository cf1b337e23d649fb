"""The image number in a report's text."""

import pytest

from api.workflows.named_image import NamedImage, named_image


class TestAnImageIsNamed:
    @pytest.mark.parametrize(
        ("text", "series", "image"),
        [
            ("右肺上叶结节（Se 3，Im 45），直径约9mm。", 3, 45),
            ("右肺上叶结节（SE3/IM45）。", 3, 45),
            ("右肺上叶结节(series:203 image:7)", 203, 7),
            ("左肺下叶微结节（IM:128）", None, 128),
            ("左肺下叶微结节（序列4 图像128）", 4, 128),
            ("肝右叶低密度影，见第 62 层。", None, 62),
        ],
    )
    def test_in_the_ways_radiologists_write_it(self, text: str, series: int | None, image: int):
        assert named_image([text]) == NamedImage(series, image)

    def test_the_first_text_speaks_first(self):
        assert named_image(["结节（Im 9）", "结节（Im 4），（Im 5）"]) == NamedImage(None, 9)
        assert named_image(["结节", "结节（Im 4），（Im 5）"]) == NamedImage(None, 4)

    def test_of_the_former_study_is_passed_over(self):
        assert named_image(["结节较前片（Im 40）增大，现见于Im 45。"]) == NamedImage(None, 45)
        assert named_image(["结节同前片（Se 2，Im 40）。"]) is None


class TestOtherNumbersAreNoImages:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "直径约45mm",
            "im 5mg注射后",
            "见图1",
            "第4肋骨折",
            "trim 45",
            "CT影像检查号45",
            "L3-4层面",
            "IM 1.5",
            "img",
        ],
    )
    def test_such_as(self, text: str):
        assert named_image([text]) is None
