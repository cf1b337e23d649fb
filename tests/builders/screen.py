"""A screen of its own in memory (Xvfb): what stands on it is read from its file, a mouse moves and clicks."""

import ctypes
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 1280, 800


class Screen:
    """The display and its mouse."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self._file = file
        self._x11, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        opened = self._x11.XOpenDisplay(name.encode())
        assert opened, "the display does not answer"
        self._display = ctypes.c_void_p(opened)

    def picture(self) -> Image.Image:
        """What is to be seen now, read from the X window dump that Xvfb keeps."""
        dump = self._file.read_bytes()
        header = struct.unpack(">25I", dump[:100])
        start = header[0] + header[19] * 12  # past the header and the colour map
        return Image.frombytes("RGB", (header[4], header[5]), dump[start:], "raw", "BGRX", header[12])

    def colour(self, x: int, y: int) -> tuple[int, ...]:
        """One point of it."""
        found = self.picture().getpixel((x, y))
        assert isinstance(found, tuple)
        return tuple(int(part) for part in found)

    def point(self, x: int, y: int) -> None:
        """Move the mouse."""
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._x11.XFlush(self._display)

    def click(self, x: int, y: int) -> None:
        """Press and release the left button there."""
        self.point(x, y)
        for pressed in (1, 0):
            self._test.XTestFakeButtonEvent(self._display, 1, pressed, 0)
        self._x11.XFlush(self._display)

    def close(self) -> None:
        self._x11.XCloseDisplay(self._display)


@contextmanager
def screen() -> Iterator[Screen]:
    """Run a screen until the block ends."""
    with tempfile.TemporaryDirectory(prefix="my-screen-") as folder:
        reading, writing = os.pipe()
        size = f"{WIDTH}x{HEIGHT}x24"
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-fbdir", folder, "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        try:
            with os.fdopen(reading) as told:
                number = told.readline().strip()  # written once it answers
            assert number, "Xvfb did not start"
            shown = Screen(f":{number}", Path(folder) / "Xvfb_screen0")
            try:
                yield shown
            finally:
                shown.close()
        finally:
            server.terminate()
            server.wait()
