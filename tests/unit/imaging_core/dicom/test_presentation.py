"""Presentation states: read whole, and applied to pictures as PS3.3 has it."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging_core.dicom.frames import open_dataset
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.presentation import presentation_of
from imaging_core.dicom.rendition import Rendition, rendered
from imaging_core.dicom.writing import dataset
from imaging_core.errors import PixelsNotReadable
from tests.builders.dicom import ct_instance, instance_uid
from tests.builders.ecg import NO_PICTURE

ROWS, COLUMNS = 6, 8
CELLS = np.arange(ROWS * COLUMNS, dtype="<i2").reshape(ROWS, COLUMNS) * 5
STATE = "1.2.840.10008.5.1.4.1.1.11.1"
THIS = [{"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": instance_uid()}]
SERIES = [{"SeriesInstanceUID": "1.2", "ReferencedImageSequence": THIS}]


def state(**attributes: Any) -> dict[str, Any]:
    usual = {"SOPClassUID": STATE, "SOPInstanceUID": "1.2.3", "ReferencedSeriesSequence": SERIES}
    found = presentation_of(dataset(usual | attributes))
    assert found is not None
    return found


def area(left: int, top: int, right: int, bottom: int, **more: Any) -> list[dict[str, Any]]:
    corners = {
        "DisplayedAreaTopLeftHandCorner": [left, top],
        "DisplayedAreaBottomRightHandCorner": [right, bottom],
        "PresentationSizeMode": "SCALE TO FIT",
    }
    return [corners | {"PresentationPixelAspectRatio": [1, 1]} | more]


def shown(presentation: dict[str, Any] | None, **attributes: Any) -> np.ndarray:
    content = ct_instance(pixels=CELLS, **({"window": (128, 256)} | attributes))
    wish = Rendition(media_type="image/png")
    return np.asarray(Image.open(BytesIO(rendered(open_dataset(content, ""), wish, Limits(), presentation))))


PLAIN = shown(None)


class TestGreyValues:
    def test_are_windowed_as_the_state_says_and_not_as_the_image(self):
        window = [{"WindowCenter": 50, "WindowWidth": 20, "VOILUTFunction": "LINEAR_EXACT"}]
        t = np.clip((CELLS - 50) / 20 + 0.5, 0, 1)
        assert np.array_equal(shown(state(SoftcopyVOILUTSequence=window)), np.floor(255 * t + 0.5))

    def test_of_a_window_for_another_image_stay_as_they_are(self):
        other = [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": "1.9.9"}]
        window = [{"WindowCenter": 50, "WindowWidth": 20, "ReferencedImageSequence": other}]
        assert np.array_equal(shown(state(SoftcopyVOILUTSequence=window)), PLAIN)

    def test_go_through_a_table(self):
        table = {"LUTDescriptor": [256, 0, 8], "LUTData": np.arange(256)[::-1].astype("<u2").tolist()}
        assert np.array_equal(shown(state(SoftcopyVOILUTSequence=[{"VOILUTSequence": [table]}])), 255 - CELLS)

    @pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
    @pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
    def test_have_the_polarity_of_the_state_whatever_the_images(self, photometric: str, shape: str):
        made = shown(state(PresentationLUTShape=shape), PhotometricInterpretation=photometric)
        assert np.array_equal(made, PLAIN if shape == "IDENTITY" else 255 - PLAIN)


class TestArrangement:
    @pytest.mark.parametrize("rotation", [0, 90, 180, 270])
    @pytest.mark.parametrize("flip", ["Y", "N"])
    def test_is_turned_clockwise_and_then_flipped(self, rotation: int, flip: str):
        expected = np.rot90(PLAIN, -rotation // 90)
        made = shown(state(ImageRotation=rotation, ImageHorizontalFlip=flip))
        assert np.array_equal(made, expected[:, ::-1] if flip == "Y" else expected)

    def test_is_cut_to_the_displayed_area_whichever_corner_comes_first(self):
        part = PLAIN[1:4, 2:7]
        assert np.array_equal(shown(state(DisplayedAreaSelectionSequence=area(3, 2, 7, 4))), part)
        flipped = state(DisplayedAreaSelectionSequence=area(7, 2, 3, 4), ImageHorizontalFlip="Y", ImageRotation=0)
        assert np.array_equal(shown(flipped), part[:, ::-1])

    def test_beyond_the_image_is_black_and_pixels_become_squares(self):
        made = shown(state(DisplayedAreaSelectionSequence=area(-1, 0, COLUMNS, ROWS)))
        assert made.shape == (ROWS + 1, COLUMNS + 2)
        assert (made[0].max(), made[:, :2].max()) == (0, 0)
        tall = area(1, 1, COLUMNS, ROWS, PresentationPixelAspectRatio=[2, 1])
        assert shown(state(DisplayedAreaSelectionSequence=tall)).shape == (2 * ROWS, COLUMNS)

    def test_is_black_outside_of_shutters(self):
        edges = {
            "ShutterLeftVerticalEdge": 3,
            "ShutterUpperHorizontalEdge": 2,
            "ShutterRightVerticalEdge": 6,
            "ShutterLowerHorizontalEdge": 5,
        }
        made = shown(state(ShutterShape="RECTANGULAR", **edges))
        expected = np.zeros_like(PLAIN)
        expected[1:5, 2:6] = PLAIN[1:5, 2:6]
        assert np.array_equal(made, expected)
        circle = {"CenterOfCircularShutter": [3, 4], "RadiusOfCircularShutter": 1}
        round_one = shown(state(ShutterShape=["RECTANGULAR", "CIRCULAR"], **edges, **circle))
        assert round_one[2, 3] == PLAIN[2, 3]
        assert round_one[1, 5] == 0


LINE: dict[str, Any] = {
    "GraphicAnnotationUnits": "PIXEL",
    "GraphicDimensions": 2,
    "NumberOfGraphicPoints": 2,
    "GraphicData": [1.5, 2.5, 5.5, 2.5],
    "GraphicType": "POLYLINE",
    "GraphicFilled": "N",
}
TEXT: dict[str, Any] = {
    "BoundingBoxAnnotationUnits": "DISPLAY",
    "BoundingBoxTopLeftHandCorner": [0.1, 0.1],
    "BoundingBoxBottomRightHandCorner": [0.5, 0.2],
    "UnformattedTextValue": "结节 12 mm",
}


class TestAnnotations:
    def test_shapes_are_drawn_and_texts_listed(self):
        annotation = {"GraphicLayer": "A", "GraphicObjectSequence": [LINE], "TextObjectSequence": [TEXT]}
        found = state(
            GraphicAnnotationSequence=[annotation], GraphicLayerSequence=[{"GraphicLayer": "A", "GraphicLayerOrder": 1}]
        )
        made = shown(found)
        assert (made[2, 1:6] == 255).all()
        assert np.array_equal(np.delete(made, 2, axis=0), np.delete(PLAIN, 2, axis=0))
        [listed] = found["annotations"]
        assert listed["texts"][0]["text"] == "结节 12 mm"
        assert listed["shapes"][0]["points"] == [1.5, 2.5, 5.5, 2.5]
        assert found["layers"] == [{"name": "A", "order": 1}]

    def test_in_fractions_of_what_is_shown_are_drawn_over_the_turned_picture(self):
        line = LINE | {"GraphicAnnotationUnits": "DISPLAY", "GraphicData": [0.0, 0.5625, 1.0, 0.5625]}
        annotation = {"GraphicLayer": "A", "GraphicObjectSequence": [line]}
        made = shown(state(ImageRotation=90, GraphicAnnotationSequence=[annotation]))
        drawn = np.flatnonzero((made == 255).all(axis=1))
        assert made.shape == (COLUMNS, ROWS)
        assert drawn.tolist() == [4]

    @pytest.mark.parametrize(
        ("kind", "points", "on"),
        [
            ("POINT", [4.5, 3.5], (3, 4)),
            ("CIRCLE", [4.5, 3.5, 6.5, 3.5], (3, 6)),
            ("ELLIPSE", [1.5, 3.5, 7.5, 3.5, 4.5, 2.5, 4.5, 4.5], (2, 4)),
            ("POLYLINE", [1.5, 1.5, 4.5, 1.5, 4.5, 4.5, 1.5, 1.5], (1, 3)),
        ],
    )
    def test_of_every_kind_lie_where_they_should(self, kind: str, points: list[float], on: tuple[int, int]):
        shape = LINE | {"GraphicType": kind, "GraphicData": points, "NumberOfGraphicPoints": len(points) // 2}
        made = shown(state(GraphicAnnotationSequence=[{"GraphicLayer": "A", "GraphicObjectSequence": [shape]}]))
        assert made[on] == 255


class TestTexts:
    @pytest.mark.parametrize(
        ("declared", "text"), [("ISO_IR 100", "größer"), ("GB18030", "结节"), ("ISO_IR 100", "结节")]
    )
    def test_of_a_file_are_read_by_the_rules_of_the_index(self, declared: str, text: str):
        annotation = {"GraphicLayer": "A", "TextObjectSequence": [TEXT | {"UnformattedTextValue": "@@@@@@"}]}
        given: Any = NO_PICTURE | {
            "SOPClassUID": STATE,
            "SpecificCharacterSet": declared,
            "StudyDescription": None,
            "SeriesDescription": None,
            "ReferencedSeriesSequence": SERIES,
            "GraphicAnnotationSequence": [annotation],
        }
        content = ct_instance(
            patient_name="A",
            window=None,
            **given,
        )
        encoded = text.encode("latin-1" if text.isascii() or "ß" in text else "gb18030").ljust(6)
        found = presentation_of(open_dataset(content.replace(b"@@@@@@", encoded), ""))
        assert found is not None
        assert found["annotations"][0]["texts"][0]["text"] == text


class TestRefusals:
    def test_of_a_state_of_other_images_and_of_what_is_not_applied(self):
        other = [
            {"SeriesInstanceUID": "1.2", "ReferencedImageSequence": [THIS[0] | {"ReferencedSOPInstanceUID": "1.9"}]}
        ]
        table = [{"LUTDescriptor": [2, 0, 8], "LUTData": [0, 255], "ModalityLUTType": "HU"}]
        far = area(1, 1, 10_000, 10_000)
        for found, reason in (
            (state(ReferencedSeriesSequence=other), "other_presentation"),
            (state(ModalityLUTSequence=table), "presentation_unsupported"),
            (state(DisplayedAreaSelectionSequence=far), "bad_presentation"),
        ):
            with pytest.raises(PixelsNotReadable) as refused:
                shown(found)
            assert refused.value.reason_code == reason

    def test_what_is_none_or_cannot_be_read_gives_none(self):
        assert presentation_of(open_dataset(ct_instance(), "")) is None
        broken = {"SOPClassUID": STATE, "SoftcopyVOILUTSequence": [{"VOILUTFunction": "LINEAR"}]}
        assert presentation_of(dataset(broken)) is None
