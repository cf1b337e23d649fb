"""What differs between operating systems; nothing else in `workstation` asks which one it is.

The Windows branches follow the documentation and were not run there.
"""

import os
import platform
import sys
from pathlib import Path

SHARES_PORTS = sys.platform == "win32"
"""There SO_REUSEADDR lets a second program listen on a port in use; elsewhere it only saves a wait after an end."""


def settings_folder() -> Path:
    """Return the folder of this user's settings."""
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "Mingying"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mingying"


def os_name() -> str:
    """Return the operating system as an administrator calls it."""
    if sys.platform == "linux":
        try:
            return platform.freedesktop_os_release()["PRETTY_NAME"][:64]
        except (OSError, KeyError):
            pass  # an image without it
    return f"{platform.system()} {platform.release()}"[:64]
