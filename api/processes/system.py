"""What differs between operating systems for the service's own processes; nothing else in `api` asks which one it is.

`ocr.machine` and `imaging_core.derive.child` hold the same for their limited children: the leaves know nobody.
The Windows branches follow the documentation and were not run there.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_PR_SET_PDEATHSIG = 1  # prctl(2)


def lock(file: BinaryIO) -> None:
    """Take a file for this process alone; given back when it is closed or the process ends, however it ends.

    Raises:
        OSError: another process holds it.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def force_to_disk(path: Path) -> None:
    """Make a file or a folder survive a power loss."""
    if sys.platform == "win32" and path.is_dir():
        return  # it journals folder entries itself and cannot open a folder
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_to_others(path: Path) -> bool:
    """Return whether other users may read a file; on Windows its folder's access list says so, not the file's mode."""
    return sys.platform != "win32" and bool(path.stat().st_mode & 0o077)


def apart_from_the_terminal() -> dict[str, Any]:
    """Return the `Popen` arguments of a child that Ctrl-C does not reach: we are asked first, and stop it in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """Let a child started `apart_from_the_terminal` finish what it does and end."""
    if sys.platform == "win32":
        # SIGTERM would kill it at once; this reaches the group it was given
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGTERM)


def when_asked_to_end(act: Callable[[], object]) -> None:
    """Call `act` in the main thread at Ctrl-C, a stop by the service manager, or a closed terminal."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    for number in {getattr(signal, name) for name in names if hasattr(signal, name)}:
        signal.signal(number, lambda _number, _frame: act())


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent, where it can (Linux)."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit("the supervisor has ended")
