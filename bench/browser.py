"""Chromium as a cheap phone on a mobile network: slowed by its own developer tools."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.chromium import find_chromium
from api.wiring import FONT
from bench.errors import NeedMissing

_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_BYTES_A_SECOND = 10_000_000 / 8
_LATENCY_MS = 40
_SLOWER = 4
_BLANK, _PAINTED_MS = "data:text/html,<p>-</p>", 500


def chromium() -> str:
    """Return the browser's program.

    Raises:
        NeedMissing: There is none, or the Python package that drives it is not installed.
    """
    try:
        import playwright  # noqa: F401  # only asked for: it belongs to the test installation
    except ModuleNotFoundError:
        raise NeedMissing("playwright", "run `make test` once, it installs what measuring needs") from None
    if found := find_chromium():
        return found
    raise NeedMissing("Chromium", "sudo apt-get install -y chromium, or `make test` once where that is a snap")


@contextmanager
def slow_phone(program: str, cookies: list[dict[str, Any]], script: str) -> Iterator[Any]:
    """Yield a page of a browser just started: 360×800 at ratio 3, 10 Mbit/s, 40 ms, CPU 4 times slower, nothing cached.

    The browser has painted a page of nobody's before: a phone's is running when the link is touched, and starting its
    GPU process is not the page's doing. `script` runs before every page's own. Workers are not slowed (Chromium
    cannot), and there is no TLS. A phone has a Chinese font of its own, a server often none: that of the printed
    reports stands in, else the page loads one.
    """
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="mingying-bench-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, env=_with_chinese_font(Path(folder)))
        try:
            context = browser.new_context(
                viewport={"width": 360, "height": 800},
                device_scale_factor=3,
                has_touch=True,
                is_mobile=True,
                locale="zh-CN",
            )
            context.add_cookies(cookies)  # type: ignore[arg-type]  # plain dicts of the same shape
            context.add_init_script(script)
            page = context.new_page()
            page.set_default_timeout(90_000)
            page.goto(_BLANK)
            page.wait_for_timeout(_PAINTED_MS)
            tools = context.new_cdp_session(page)
            tools.send("Network.enable")
            limits = {
                "latency": _LATENCY_MS,
                "downloadThroughput": _BYTES_A_SECOND,
                "uploadThroughput": _BYTES_A_SECOND,
            }
            tools.send("Network.emulateNetworkConditions", {"offline": False, **limits})
            tools.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
            yield page
        finally:
            browser.close()


def _with_chinese_font(folder: Path) -> dict[str, str | float | bool]:
    """Return the environment of a browser that finds the font of the printed reports among the system's."""
    configuration = folder / "fonts.conf"
    configuration.write_text(
        "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig>"
        f"<include ignore_missing='yes'>/etc/fonts/fonts.conf</include><dir>{FONT.parent}</dir>"
        f"<cachedir>{folder}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    return {**os.environ, "FONTCONFIG_FILE": str(configuration)}
