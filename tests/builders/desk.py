"""A doctor's desk: a screen of its own, the desktop shell on it, and a browser that only notes what it is to open."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

import httpx

from api.wiring import FONT
from tests.builders.screen import Screen, screen
from tests.builders.servers import free_port

_SECONDS = 30
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>"""


def lacking() -> str:
    """Return what keeps the shell from running here; empty when nothing does."""
    if shutil.which("Xvfb") is None:
        return "Xvfb is not installed (Debian: apt-get install xvfb)"
    if find_spec("PySide6") is None:
        return "PySide6 is not installed (pip install -r deploy/locks/workstation.txt)"
    missing = [
        name for name in ("xcb-cursor", "xcb-icccm", "xcb-keysyms", "EGL", "nss3", "Xtst") if not find_library(name)
    ]
    return f"libraries of Qt are missing: {missing} (python3 deploy/bootstrap test installs them)" if missing else ""


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.1)


class Desk:
    """The running shell."""

    def __init__(self, shown: Screen, folder: Path, server: str, key: str) -> None:
        self.screen = shown
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "workstation.toml"
        lines = f'server = "{server}"\nlabel = "门诊3诊室"\nkey = "{key}"\nport = {self.port}\n'
        self._settings.write_text(lines, encoding="utf-8")
        self._environment = self._of_a_desk()
        with (folder / "shell.log").open("wb") as log:
            self.process = subprocess.Popen(self._command(), env=self._environment, stderr=log)

    def wake(self, url: str) -> httpx.Response:
        """Call the loopback door as a HIS on this desk does."""
        return httpx.post(f"http://127.0.0.1:{self.port}/wake", json={"url": url}, trust_env=False)

    def start_again(self, *arguments: str) -> int:
        """Start the program once more, as a link or a click on its icon does."""
        return subprocess.run(
            self._command(*arguments), env=self._environment, timeout=_SECONDS, check=False
        ).returncode

    @property
    def in_browser(self) -> list[str]:
        """What the doctor's browser was asked to open."""
        noted = self._folder / "opened"
        return noted.read_text().split() if noted.exists() else []

    @property
    def log(self) -> str:
        return (self._folder / "shell.log").read_text(errors="replace")

    def is_answering(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/wake", trust_env=False).status_code == 405
        except httpx.ConnectError:
            return False

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "workstation", "--quiet", "--settings", str(self._settings), *arguments]

    def _of_a_desk(self) -> dict[str, str]:
        programs = self._folder / "bin"
        programs.mkdir(exist_ok=True)
        browser = programs / "xdg-open"
        browser.write_text(f'#!/bin/sh\necho "$1" >> "{self._folder}/opened"\n')
        browser.chmod(0o755)
        fonts = self._folder / "fonts.conf"
        fonts.write_text(_FONTS.format(fonts=FONT.parent, cache=self._folder / "fonts"))
        return {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "DISPLAY": self.screen.name,
            "QT_QPA_PLATFORM": "xcb",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",  # tests may run as root, where Chromium has none
            "FONTCONFIG_FILE": str(fonts),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }


@contextmanager
def desk(folder: Path, server: str, key: str = "") -> Iterator[Desk]:
    """Run a desk until the block ends."""
    with screen() as shown:
        running = Desk(shown, folder, server, key)
        try:
            until(running.is_answering, "the shell's door")
            yield running
        finally:
            running.process.terminate()
            running.process.wait(timeout=20)
