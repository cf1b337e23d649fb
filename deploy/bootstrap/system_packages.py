"""Programs that come from the distribution: installed when we may, named when we may not."""

import os
import shutil
import subprocess
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from steps import Failure, run, say

from api.chromium import system_chromium


@dataclass(frozen=True)
class Need:
    """Debian/Ubuntu packages, how to tell that they are there, and what is lost without them."""

    packages: tuple[str, ...]
    present: Callable[[], bool]
    without: str
    essential: bool = False


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _chinese_tesseract() -> bool:
    if not shutil.which("tesseract"):
        return False
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False)
    return "chi_sim" in listed.stdout + listed.stderr


def _postgres() -> bool:
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def _qt_libraries() -> bool:
    """Return whether what Qt's own wheels do not carry is there; each of them is named by one that is often missing."""
    names = ("EGL", "OpenGL", "nss3", "asound", "xkbcommon-x11", "xcb-cursor", "xcb-icccm", "xcb-keysyms", "Xtst")
    return all(find_library(name) for name in names)


def _venv_module() -> bool:
    done = subprocess.run(["python3", "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return done.returncode == 0


_DEMO = (
    Need(("python3-venv",), _venv_module, "no Python environment can be made", essential=True),
    Need(("redis-server",), _program("redis-server", "valkey-server"), "the bundled server is used instead"),
    Need(
        ("tesseract-ocr", "tesseract-ocr-chi-sim"), _chinese_tesseract, "paper reports are read by one reader, not two"
    ),
)
_QT_LIBRARIES = (
    *("libegl1", "libgl1", "libopengl0", "libnss3", "libasound2", "libdbus-1-3", "libxkbcommon-x11-0"),
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-render-util0", "libxcb-shape0"),
    *("libxcb-xinerama0", "libxcb-xkb1", "libxtst6"),
)
_TEST = (
    *_DEMO,
    Need(("postgresql",), _postgres, "tests on PostgreSQL are skipped"),
    Need(("dcmtk",), _program("storescu"), "tests with DCMTK are skipped"),
    Need(("orthanc", "orthanc-dicomweb"), _program("Orthanc"), "benchmarks against Orthanc are skipped"),
    Need(("xvfb",), _program("Xvfb"), "tests of the desktop shell are skipped"),
    Need(_QT_LIBRARIES, _qt_libraries, "tests of the desktop shell are skipped"),
    Need(("nginx",), _program("nginx", "/usr/sbin/nginx"), "tests behind nginx are skipped"),
    Need(("chromium",), lambda: system_chromium() is not None, "browser tests take one from npm"),
)


def ensure_system_packages(profile: str) -> None:
    """Install what is missing, or say the exact line that does."""
    missing = [need for need in (_TEST if profile == "test" else _DEMO) if not need.present()]
    if not missing:
        return
    _install(missing)
    missing = [need for need in missing if not need.present()]
    if not missing:
        return
    line = f"sudo apt-get install -y {' '.join(package for need in missing for package in need.packages)}"
    for need in missing:
        say(f"without {need.packages[0]}: {need.without}")
    say(f"to install: {line}")
    if any(need.essential for need in missing):
        raise Failure(f"run `{line}` and try again.")


def _install(needs: list[Need]) -> None:
    prefix = _privileged()
    if prefix is None or not shutil.which("apt-get"):
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = "Check the network and the package sources, then run the command again."
    try:
        run([*prefix, "apt-get", "update", "-q"], remedy=remedy, env=quiet)
    except Failure as failure:
        say(str(failure))
        return
    install = [*prefix, "apt-get", "install", "-y", "-q", "--no-install-recommends"]
    for need in needs:  # one by one: a package this distribution lacks must not keep the others out
        say(f"installing {', '.join(need.packages)}")
        try:
            run([*install, *need.packages], remedy=remedy, env=quiet)
        except Failure as failure:
            say(str(failure))


def _privileged() -> list[str] | None:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None
