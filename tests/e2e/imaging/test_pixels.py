"""What the pane paints, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.builders.imaging_pane import Pane

CT = (512, 512)


def expected(phantom: Any, center: float, width: float) -> list[int]:
    return [int(g) for g in phantom.window_grey(np.array(phantom.PATCH_HU, float), center, width)]


def patches(phantom: Any) -> list[tuple[int, int]]:
    return [phantom.patch_centre(i) for i in range(len(phantom.PATCH_HU))]


def painted_number(pane: Pane, phantom: Any) -> int:
    """The slice number written into the picture."""
    greys = pane.greys([phantom.number_centre(bit) for bit in range(phantom.NUMBER_BITS)], CT)
    return sum(1 << bit for bit, grey in enumerate(greys) if grey > 128)


def assert_close(found: list[int], wanted: list[int], tolerance: int = 1) -> None:
    assert np.abs(np.array(found) - wanted).max() <= tolerance, (found, wanted)


@pytest.fixture
def ct(open_page: Any, browser: Any) -> Pane:
    """The CT as lossless frames on a phone."""
    pane = Pane(open_page(browser, ratio=2))
    pane.wait_for("preview")
    pane.ask("dicom")
    pane.wait_for("dicom")
    return pane


@pytest.mark.clause("R3.6")
class TestLosslessFrames:
    @pytest.mark.parametrize(
        ("width", "height", "ratio", "touch"),
        [(360, 800, 1, True), (360, 800, 2, True), (393, 852, 3, True), (1280, 800, 1, False), (1280, 800, 1.5, False)],
    )
    def test_are_painted_as_numpy_says_at_every_pixel_ratio(
        self, open_page: Any, browser: Any, phantom: Any, width: int, height: int, ratio: float, touch: bool
    ) -> None:
        pane = Pane(open_page(browser, width=width, height=height, ratio=ratio, touch=touch))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.wait_for("dicom")
        assert pane.window == (40, 400)
        assert_close(pane.greys(patches(phantom), CT), expected(phantom, 40, 400))
        assert painted_number(pane, phantom) == pane.index == 160

    def test_are_the_same_slice_as_the_preview_was(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        for _ in range(5):
            pane.page.click("text=›")
        pane.wait_for("preview", 165)
        assert painted_number(pane, phantom) == 165
        pane.ask("dicom")
        pane.wait_for("dicom", 165)
        assert painted_number(pane, phantom) == 165

    def test_come_as_plain_pixels_where_the_engine_has_no_simd(
        self, open_page: Any, browser: Any, phantom: Any, server: Any
    ) -> None:
        pane = Pane(open_page(browser, script="WebAssembly.validate = () => false"))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.wait_for("dicom")
        assert_close(pane.greys(patches(phantom), CT), expected(phantom, 40, 400))
        frames = [r for r in server.requests() if "/frames/" in r["path"] and r["accept"] == "application/octet-stream"]
        assert frames
        assert all(r["path"].endswith("?v=1") for r in frames)
        assert not any(r["accept"] == "image/jphc" for r in server.requests())

    def test_show_dark_as_bright_for_monochrome1(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        pane.select(phantom.SERIES[2].uid)
        pane.ask("dicom")
        pane.wait_for("dicom", 0)
        wanted = [255 - int(g) for g in phantom.window_grey(np.array([230, 40]), 128, 256)]
        assert_close(pane.greys([(20, 100), (80, 100)], (200, 160)), wanted)

    def test_keep_colours(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        pane.select(phantom.SERIES[3].uid)
        pane.ask("dicom")
        pane.wait_for("dicom", 0)
        found = pane.colours([(60, 60), (100, 60)], (120, 160))
        assert np.abs(np.array(found) - [(200, 30, 30), (20, 60, 200)]).max() <= 1

    def test_apply_a_slope_that_is_no_whole_number(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        pane.select(phantom.SERIES[5].uid)
        pane.wait_for("dicom", 1)
        assert pane.window == (100, 350)
        values = np.array([-200, 300, 901]) * 0.37 - 1.5
        assert_close(
            pane.greys([(10, 64), (50, 64), (80, 64)], (128, 160)), phantom.window_grey(values, 100, 350).tolist()
        )


class TestWindow:
    @pytest.mark.clause("R2.8")
    def test_follows_the_mouse(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser, width=1280, touch=False))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.tool("window")
        pane.drag(64, -32)
        assert pane.window == (-10, 500)
        assert "窗宽 500" in pane.words
        assert "窗位 -10" in pane.words
        pane.wait_for("dicom")
        assert_close(pane.greys(patches(phantom), CT), expected(phantom, -10, 500))
        pane.tool("page")
        pane.drag(64, 0, button="right")
        assert pane.window == (-10, 625)

    @pytest.mark.clause("R3.7")
    def test_follows_one_finger(self, ct: Pane, phantom: Any) -> None:
        ct.tool("window")
        ct.touch([(0, 0)], [(20, 10)], [(64, 32)])
        assert ct.window == (90, 500)
        ct.wait_for("dicom")
        assert_close(ct.greys(patches(phantom), CT), expected(phantom, 90, 500))

    @pytest.mark.parametrize(
        ("name", "center", "width"), [("肺窗", -600, 1500), ("纵隔窗", 40, 400), ("骨窗", 500, 2000), ("脑窗", 40, 80)]
    )
    def test_has_presets_in_words(self, ct: Pane, phantom: Any, name: str, center: float, width: float) -> None:
        ct.tool("window")
        ct.page.click(f"button.preset:text-is('{name}')")
        assert ct.window == (center, width)
        ct.wait_for("dicom")
        assert_close(ct.greys(patches(phantom), CT), expected(phantom, center, width))

    def test_stays_while_paging_and_goes_back_to_the_pictures_own(self, ct: Pane, phantom: Any) -> None:
        ct.tool("window")
        ct.page.click("button.preset:text-is('肺窗')")
        ct.page.click("text=›")
        ct.wait_for("dicom", 161)
        assert_close(ct.greys(patches(phantom), CT), expected(phantom, -600, 1500))
        ct.tool("reset")
        ct.wait_for("dicom")
        assert ct.window == (40, 400)
        assert_close(ct.greys(patches(phantom), CT), expected(phantom, 40, 400))

    def test_shows_every_value_of_a_picture_that_brings_none(self, open_page: Any, browser: Any, phantom: Any) -> None:
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        pane.select(phantom.SERIES[1].uid)
        pane.wait_for("dicom", 6)
        # values from -200 to 906 on the middle slice
        assert pane.window == (353.5, 1107)
        wanted = phantom.window_grey(np.array([-200, 300, 906]), 353.5, 1107).tolist()
        assert_close(pane.greys([(10, 64), (50, 64), (80, 64)], (128, 160), aspect=1.5), wanted)


@pytest.mark.clause("R3.7")
class TestZoomAndPan:
    def test_pinch_zooms_about_the_fingers(self, ct: Pane, phantom: Any) -> None:
        ct.touch([(-40, 0), (40, 0)], [(-60, 0), (60, 0)], [(-80, 0), (80, 0)])
        zoom, x, y = ct.view
        assert zoom == pytest.approx(2, rel=0.02)
        assert (x, y) == pytest.approx((0, 0), abs=1)
        ct.wait_for("dicom")
        inside = [p for p in patches(phantom) if 140 < p[0] < 372]
        wanted = [g for p, g in zip(patches(phantom), expected(phantom, 40, 400), strict=True) if p in inside]
        assert_close(ct.greys(inside, CT), wanted)

    def test_one_finger_pans_where_asked(self, ct: Pane, phantom: Any) -> None:
        ct.tool("pan")
        ct.touch([(0, 0)], [(10, 10)], [(30, -45)])
        assert ct.view == (1, 30, -45)
        ct.wait_for("dicom")
        inside = [p for p in patches(phantom) if p[0] < 380]
        assert_close(ct.greys(inside, CT), expected(phantom, 40, 400)[: len(inside)])

    def test_the_preview_lies_where_the_lossless_frame_lies(self, ct: Pane, phantom: Any) -> None:
        ct.touch([(-40, 20), (40, 20)], [(-60, 30), (60, 30)])
        view = ct.view
        ct.ask("preview")
        ct.wait_for("preview")
        assert ct.view == view
        wanted = expected(phantom, 40, 400)
        inside = [i for i, (x, _) in enumerate(patches(phantom)) if 100 < x < 412]
        found = ct.greys([patches(phantom)[i] for i in inside], CT)
        # JPG is lossy
        assert_close(found, [wanted[i] for i in inside], tolerance=6)

    def test_double_tap_and_keys_reset(self, ct: Pane) -> None:
        ct.page.focus(".stage")
        ct.page.keyboard.press("+")
        assert ct.view[0] == pytest.approx(1.25)
        ct.page.keyboard.press("0")
        assert ct.view == (1, 0, 0)
        ct.page.keyboard.press("+")
        assert ct.view[0] == pytest.approx(1.25)
        x, y = ct.centre()
        for _ in range(5):  # on a loaded machine two taps may reach the page too far apart to be a double tap
            ct.page.touchscreen.tap(x, y)
            ct.page.touchscreen.tap(x, y)
            if ct.view == (1, 0, 0):
                break
            ct.page.wait_for_timeout(400)  # longer than a double tap, so that no tap pairs with a later one
        assert ct.view == (1, 0, 0)

    def test_control_and_wheel_zoom_with_the_mouse(self, open_page: Any, browser: Any) -> None:
        pane = Pane(open_page(browser, width=1280, touch=False))
        pane.wait_for("preview")
        pane.page.mouse.move(*pane.centre())
        pane.page.keyboard.down("Control")
        pane.page.mouse.wheel(0, -120)
        pane.page.keyboard.up("Control")
        pane.until("document.querySelector('.pane').dataset.view.split(',')[0] > 1.3")
        assert pane.index == 160
