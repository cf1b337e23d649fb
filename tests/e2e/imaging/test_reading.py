"""Paging, state, fallbacks and faults of the imaging pane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders.imaging_pane import Pane

READ_NUMBER = """(points) => {
  const canvas = document.querySelector('.dicom canvas')
  const context = canvas.getContext('2d')
  const scale = Math.min(canvas.width, canvas.height) / 512
  const [left, top] = [(canvas.width - 512 * scale) / 2, (canvas.height - 512 * scale) / 2]
  return points.reduce((sum, [x, y], bit) => {
    const [grey] = context.getImageData(left + x * scale, top + y * scale, 1, 1).data
    return sum + (grey > 128 ? 2 ** bit : 0)
  }, 0)
}"""


@pytest.fixture
def pane(open_page: Any, browser: Any) -> Pane:
    """The CT's preview on a phone."""
    opened = Pane(open_page(browser))
    opened.wait_for("preview")
    return opened


def painted(pane: Pane, phantom: Any) -> int:
    number: int = pane.page.evaluate(
        READ_NUMBER, [list(phantom.number_centre(bit)) for bit in range(phantom.NUMBER_BITS)]
    )
    return number


@pytest.mark.clause("R1.2")
class TestPaging:
    def test_paints_every_slice_once_asked_for(self, pane: Pane, phantom: Any) -> None:
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.page.focus(".stage")
        for index in range(161, 191):
            pane.page.keyboard.press("ArrowDown")
            pane.page.wait_for_selector(f'.pane[data-shown=true][data-index="{index}"]')
            assert painted(pane, phantom) == index

    def test_reaches_both_ends_and_stops_there(self, pane: Pane, phantom: Any) -> None:
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.page.focus(".stage")
        for key, index in (("End", 319), ("ArrowDown", 319), ("Home", 0), ("ArrowUp", 0), ("PageDown", 10)):
            pane.page.keyboard.press(key)
            pane.wait_for("dicom", index)
            assert painted(pane, phantom) == index

    def test_after_a_hundred_quick_turns_the_last_is_shown(self, pane: Pane, phantom: Any) -> None:
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.page.focus(".stage")
        for _ in range(100):
            pane.page.keyboard.press("ArrowDown")
        pane.wait_for("dicom", 260)
        assert painted(pane, phantom) == 260
        assert "第 261 / 320 幅" in pane.words

    def test_works_by_finger_wheel_slider_and_button(self, pane: Pane) -> None:
        pane.touch([(0, 0)], [(0, 40)], [(0, 80)])
        assert pane.index == 180
        pane.page.click("text=‹")
        assert pane.index == 179
        pane.page.locator("input[type=range]").fill("12")
        assert pane.index == 11
        pane.wait_for("preview", 11)
        pane.page.mouse.move(*pane.centre())
        pane.page.mouse.wheel(0, 120)
        pane.wait_for("preview", 12)

    def test_of_a_cine_goes_through_its_frames(self, pane: Pane, phantom: Any) -> None:
        pane.select(phantom.SERIES[3].uid)
        pane.wait_for("preview", 0)
        pane.page.click("text=›")
        pane.wait_for("preview", 1)
        assert "第 2 / 8 幅" in pane.words


@pytest.mark.clause("R3.11")
class TestState:
    def test_is_kept_between_tabs_modes_and_series(self, pane: Pane, phantom: Any) -> None:
        pane.page.locator("input[type=range]").fill("41")
        pane.ask("dicom")
        pane.wait_for("dicom", 40)
        pane.tool("window")
        pane.page.click("button.preset:text-is('骨窗')")
        pane.touch([(-40, 0), (40, 0)], [(-60, 0), (60, 0)])
        kept = (pane.index, pane.window, pane.view)
        pane.page.click("[data-tab=report]")
        assert not pane.page.is_visible(".pane")
        pane.page.click("[data-tab=images]")
        pane.wait_for("dicom", 40)
        assert (pane.index, pane.window, pane.view) == kept
        pane.ask("preview")
        pane.wait_for("preview", 40)
        assert pane.view == kept[2]
        pane.ask("dicom")
        pane.wait_for("dicom", 40)
        pane.select(phantom.SERIES[3].uid)
        pane.wait_for("dicom", 0)
        pane.select(phantom.SERIES[0].uid)
        pane.wait_for("dicom", 40)
        assert (pane.index, pane.window, pane.view) == kept

    def test_survives_turning_the_phone(self, pane: Pane, phantom: Any) -> None:
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.page.set_viewport_size({"width": 800, "height": 480})
        stage = "document.querySelector('.stage').clientWidth"
        pane.until(f"{stage} > 450 && document.querySelector('.dicom canvas').width === {stage}")
        pane.wait_for("dicom", 160)
        assert pane.box()["height"] > 400  # the picture gets the height
        greys = pane.greys([phantom.patch_centre(3), phantom.patch_centre(7)], (512, 512))
        assert greys == [102, 255]


@pytest.mark.clause("R3.6")
class TestFallback:
    def test_shows_the_preview_first_and_says_what_it_is(self, pane: Pane) -> None:
        assert pane.attribute("mode") == "preview"
        assert "预览图，非诊断用" in pane.words

    def test_goes_to_dicom_by_itself_where_there_is_no_preview(self, pane: Pane, phantom: Any) -> None:
        pane.select(phantom.SERIES[1].uid)
        pane.wait_for("dicom", 6)
        assert "没有预览图" in pane.words
        assert "DICOM 原图" in pane.words

    def test_stays_with_the_preview_where_no_frame_can_be_shown(self, pane: Pane, phantom: Any) -> None:
        pane.select(phantom.SERIES[4].uid)
        pane.ask("dicom")
        pane.wait_for("preview")
        assert "没有可在网页显示的原图" in pane.words

    @pytest.mark.parametrize(("series", "words"), [(6, "原始文件已完整保存"), (7, "不是影像")])
    def test_says_plainly_when_there_is_nothing_to_show(
        self, pane: Pane, phantom: Any, series: int, words: str
    ) -> None:
        pane.select(phantom.SERIES[series].uid)
        pane.page.wait_for_selector(".pane[data-mode=none]")
        assert words in pane.words

    def test_says_where_a_waveform_would_be_that_it_could_not_be_drawn(self, pane: Pane, phantom: Any) -> None:
        pane.select(phantom.SERIES[8].uid)
        assert "波形" in pane.page.inner_text(".ecg .message[role=alert]")

    def test_without_webgl_previews_stay_with_a_sentence(
        self, open_page: Any, browser_without_gl: Any, phantom: Any
    ) -> None:
        pane = Pane(open_page(browser_without_gl))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.wait_for("preview")
        assert "WebGL2" in pane.words
        pane.page.click("text=›")
        pane.wait_for("preview", 161)
        pane.select(phantom.SERIES[1].uid)
        pane.page.wait_for_selector(".pane[data-mode=none]")
        assert "换一台较新的手机" in pane.words


@pytest.mark.clause("R3.6")
class TestLook:
    @pytest.mark.parametrize(
        ("width", "height", "touch", "elder"),
        [(360, 800, True, False), (360, 800, True, True), (1280, 800, False, False)],
    )
    def test_is_clear_to_screen_readers_and_kept_as_a_picture(
        self, open_page: Any, browser: Any, evidence: Any, width: int, height: int, touch: bool, elder: bool
    ) -> None:
        pane = Pane(open_page(browser, width=width, height=height, ratio=2, touch=touch))
        pane.page.evaluate(f"document.documentElement.toggleAttribute('data-elder', {str(elder).lower()})")
        pane.wait_for("preview")
        pane.page.wait_for_load_state("networkidle")
        axe = Path(__file__).parents[3] / "viewer_h5/node_modules/axe-core/axe.min.js"
        pane.page.evaluate(axe.read_text(encoding="utf-8"))
        for mode in ("preview", "dicom"):
            pane.ask(mode)
            pane.wait_for(mode)
            found = pane.page.evaluate("axe.run('.pane')")["violations"]
            assert [(v["id"], v["nodes"][0]["target"]) for v in found] == []
            pane.page.screenshot(path=evidence.screenshot(mode))

    def test_gives_fingers_room(self, pane: Pane) -> None:
        pane.ask("dicom")
        pane.wait_for("dicom")
        pane.tool("window")
        buttons = pane.page.locator(".pane button")
        boxes = [buttons.nth(i).bounding_box() for i in range(buttons.count())]
        # 2.75rem less the switch's own rim; WCAG 2.2 asks for 24, phones for 44
        assert [b for b in boxes if min(b["width"], b["height"]) < 42] == []


class TestFaults:
    def test_a_busy_server_is_asked_again(self, pane: Pane, server: Any) -> None:
        server.faults(frames=2)
        pane.ask("dicom")
        pane.wait_for("dicom")

    def test_frames_still_being_made_appear_by_themselves(self, open_page: Any, browser: Any, server: Any) -> None:
        server.faults(preparing=1)
        pane = Pane(open_page(browser))
        pane.wait_for("preview")
        pane.page.click("text=›", timeout=15_000)
        pane.wait_for("preview", 161)

    def test_bytes_that_are_no_picture_are_said_to_be_none(self, pane: Pane, server: Any) -> None:
        server.faults(garbage=99)
        pane.ask("dicom")
        pane.page.wait_for_selector("text=没能正确显示")
        assert pane.attribute("shown") == "false"
        server.faults()
        pane.page.click("text=再试一次")
        pane.wait_for("dicom")

    def test_a_broken_line_is_named_and_mends_itself(self, pane: Pane) -> None:
        pane.page.context.set_offline(True)
        pane.page.locator("input[type=range]").fill("300")
        pane.page.wait_for_selector("text=网络断开了", timeout=15_000)
        pane.page.context.set_offline(False)
        pane.wait_for("preview", 299)

    def test_a_black_canvas_is_not_called_a_picture(self, open_page: Any, browser: Any) -> None:
        black = """
          const draw = CanvasRenderingContext2D.prototype.drawImage
          CanvasRenderingContext2D.prototype.drawImage = function (...args) {
            if (!this.canvas.isConnected) draw.apply(this, args)
          }"""
        pane = Pane(open_page(browser, script=black))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.page.wait_for_selector("text=没能正确显示")
        pane.page.click(".actions >> text=JPG 预览")
        pane.wait_for("preview")

    def test_a_lost_graphics_context_comes_back(self, open_page: Any, browser: Any, phantom: Any) -> None:
        remember = """
          const make = HTMLCanvasElement.prototype.getContext
          window.contexts = []
          HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            const context = make.call(this, kind, ...rest)
            if (kind === 'webgl2' && context) window.contexts.push(context)
            return context
          }"""
        pane = Pane(open_page(browser, script=remember))
        pane.wait_for("preview")
        pane.ask("dicom")
        pane.wait_for("dicom")
        alive = "window.contexts.filter((c) => !c.isContextLost())"
        lose = f"for (const c of {alive}) c.getExtension('WEBGL_lose_context')?.loseContext()"
        made = pane.page.evaluate("window.contexts.length")
        pane.page.evaluate(lose)
        pane.until(f"window.contexts.length > {made}")
        pane.page.click("text=›")
        pane.wait_for("dicom", 161)
        assert painted(pane, phantom) == 161
