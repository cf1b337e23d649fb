"""Measures the pane on a throttled phone: `python measure.py DIST [RUNS]`, one JSON line per figure (milliseconds).

Conditions: 360×800 at pixel ratio 3, 10 Mbit/s, 40 ms latency, CPU four times slower, cold cache, software WebGL.
Chromium does not slow workers down and has no TLS here; a real phone adds about 80-160 ms.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from api.chromium import find_chromium

FLAGS = [
    "--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MEGABIT = 1_000_000 / 8
PAINTED = ".pane[data-mode={mode}][data-shown=true]"
SCROLL = """(pages) => new Promise((resolve) => {
  const pane = document.querySelector('.pane')
  const start = performance.now()
  const from = Number(pane.dataset.index)
  let gap = 0
  let last = start
  const turn = () => {
    if (pane.dataset.shown === 'true') {
      const now = performance.now()
      gap = Math.max(gap, now - last)
      last = now
      if (Number(pane.dataset.index) >= from + pages) return resolve([now - start, gap])
      document.querySelector('.stage').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }))
    }
    requestAnimationFrame(turn)
  }
  turn()
})"""


def one_run(page: Page, url: str, *, prefetched: bool) -> dict[str, float]:
    """First JPG from navigation, then the tap on DICOM; prefetched or at once."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"latency": 40, "downloadThroughput": 10 * MEGABIT, "uploadThroughput": 10 * MEGABIT}
    session.send("Network.emulateNetworkConditions", {"offline": False, **limits})
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url)
    page.wait_for_selector(PAINTED.format(mode="preview"), timeout=60_000)
    found = {"first JPG": page.evaluate("times.firstImageAt")}
    if prefetched:
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1500)
    page.click("[data-ask=dicom]")
    page.wait_for_selector(PAINTED.format(mode="dicom"), timeout=60_000)
    page.wait_for_timeout(100)
    name = "first DICOM from tap, prefetched" if prefetched else "first DICOM from tap, not prefetched"
    found[name] = page.evaluate("times.dicomShown")
    if prefetched:
        page.wait_for_timeout(8000)
        total, gap = page.evaluate(SCROLL, 20)
        found["DICOM page turn, frames at hand"] = total / 20
        found["DICOM longest gap of 20 turns"] = gap
    return found


def main() -> None:
    """Run, print medians."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py")), sys.argv[1], "--warm"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
    figures: dict[str, list[float]] = {}
    try:
        with sync_playwright() as playwright:
            for run in range(2 * (int(sys.argv[2]) if len(sys.argv) > 2 else 3)):
                browser: Any = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
                context = browser.new_context(
                    viewport={"width": 360, "height": 800}, device_scale_factor=3, has_touch=True, is_mobile=True
                )
                for name, value in one_run(context.new_page(), url, prefetched=run % 2 == 0).items():
                    figures.setdefault(name, []).append(value)
                browser.close()
    finally:
        server.kill()
    for name, values in figures.items():
        line = {"figure": name, "median_ms": round(statistics.median(values)), "runs": [round(v) for v in values]}
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
