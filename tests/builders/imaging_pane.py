"""Drives the imaging pane in a browser and reads what it really paints."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHOWN = ".pane[data-mode={mode}][data-shown=true]"


@dataclass
class Pane:
    """The pane on a Playwright page."""

    page: Any

    def wait_for(self, mode: str, index: int | None = None) -> None:
        """Until this mode is painted (and this picture)."""
        selector = SHOWN.format(mode=mode) + (f'[data-index="{index}"]' if index is not None else "")
        self.page.wait_for_selector(selector, timeout=20_000)
        # painted is said after the canvas was drawn; the screenshot needs the compositor's next frame
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def until(self, expression: str, seconds: float = 15) -> None:
        """Wait until a JavaScript expression holds; polled from here, because the page forbids eval."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"never: {expression}"
            self.page.wait_for_timeout(50)

    def ask(self, mode: str) -> None:
        self.page.click(f"[data-ask={mode}]")

    def select(self, series_uid: str) -> None:
        self.page.click(f'[data-series="{series_uid}"]')

    def tool(self, name: str) -> None:
        self.page.click(f"[data-tool={name}]")

    def attribute(self, name: str) -> str:
        value: str = self.page.get_attribute(".pane", f"data-{name}")
        return value

    @property
    def index(self) -> int:
        return int(self.attribute("index"))

    @property
    def window(self) -> tuple[float, float]:
        """Centre and width."""
        center, width = map(float, self.attribute("window").split(","))
        return center, width

    @property
    def view(self) -> tuple[float, float, float]:
        """Zoom, pan right, pan down."""
        zoom, x, y = map(float, self.attribute("view").split(","))
        return zoom, x, y

    @property
    def words(self) -> str:
        """What is written on the stage."""
        text: str = self.page.inner_text(".notes")
        return text

    def box(self) -> dict[str, float]:
        """The stage, in CSS pixels."""
        box: dict[str, float] = self.page.locator(".stage").bounding_box()
        return box

    def centre(self) -> tuple[float, float]:
        box = self.box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def position(self, column: float, row: float, size: tuple[int, int], aspect: float = 1) -> tuple[float, float]:
        """Where a pixel's centre must lie on the page, by arithmetic alone (CSS pixels)."""
        rows, columns = size
        box = self.box()
        zoom, pan_x, pan_y = self.view
        scale = min(box["width"] / columns, box["height"] / (rows * aspect)) * zoom
        x, y = self.centre()
        return x + (column + 0.5 - columns / 2) * scale + pan_x, y + (row + 0.5 - rows / 2) * aspect * scale + pan_y

    def screenshot(self) -> NDArray[np.uint8]:
        """The page as seen, device pixels, RGB."""
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB"))

    def colours(
        self, points: list[tuple[int, int]], size: tuple[int, int], aspect: float = 1
    ) -> list[tuple[int, int, int]]:
        """What is seen at these pixels (column, row) of the picture."""
        shot = self.screenshot()
        ratio = shot.shape[1] / self.page.viewport_size["width"]
        found = []
        for column, row in points:
            x, y = self.position(column, row, size, aspect)
            r, g, b = shot[int(y * ratio), int(x * ratio)]
            found.append((int(r), int(g), int(b)))
        return found

    def greys(self, points: list[tuple[int, int]], size: tuple[int, int], aspect: float = 1) -> list[int]:
        colours = self.colours(points, size, aspect)
        assert all(r == g == b for r, g, b in colours), colours
        return [r for r, _, _ in colours]

    def drag(self, dx: float, dy: float, steps: int = 8, button: str = "left") -> None:
        """A mouse drag from the stage's centre."""
        x, y = self.centre()
        self.page.mouse.move(x, y)
        self.page.mouse.down(button=button)
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up(button=button)

    def touch(self, *moves: list[tuple[float, float]]) -> None:
        """Fingers at the given places from the stage's centre, one list of fingers per moment."""
        x, y = self.centre()
        session = self.page.context.new_cdp_session(self.page)
        for i, fingers in enumerate(moves):
            points = [{"x": x + dx, "y": y + dy, "id": n} for n, (dx, dy) in enumerate(fingers)]
            kind = "touchStart" if i == 0 else "touchMove"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()
