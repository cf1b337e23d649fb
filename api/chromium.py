"""Which Chromium runs the browser tests, takes the figures and prints the acceptance book.

Standard library only: the set-up asks before there is an environment.
"""

import shutil
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the Chromium of this machine, else the one the set-up unpacked, else None."""
    if found := system_chromium():
        return found
    unpacked = Path(sys.prefix) / "share" / "mingying" / "chromium" / "chromium"
    return str(unpacked) if unpacked.exists() else None


def system_chromium() -> str | None:
    """Return the Chromium of the distribution, unless it is a snap.

    A snap cannot be driven: it sees neither the driver's profile in the temporary folder nor our fonts.
    """
    for name in _NAMES:
        if (found := shutil.which(name)) and not _is_snap(Path(found)):
            return found
    return None


def _is_snap(program: Path) -> bool:
    if program.is_relative_to("/snap") or program.resolve().name == "snap":
        return True
    with program.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and b"snap" in head
