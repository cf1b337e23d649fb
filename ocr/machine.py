"""What differs between operating systems: limits of a process, and ending one with its children."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psutil

_LARGEST_FILE = 128 * 1024 * 1024


def limit_this_process(memory: int) -> None:
    """Limit the calling process: data memory, size of files, no core dump (it would hold a patient's report).

    Only POSIX systems have such limits; elsewhere the watching process is alone with its clock and its look at
    the resident memory.
    """
    if sys.platform == "win32":
        return
    import resource

    # RLIMIT_AS would count the address space that onnxruntime's threads reserve and never touch: it is three times
    # what they use. RLIMIT_DATA counts private writable memory.
    for limit, value in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS knows some of them only by name
            resource.setrlimit(limit, (allowed, allowed))


def group_of_its_own() -> dict[str, Any]:
    """Return the `Popen` arguments that let `end_tree` reach the children of the new process, too."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process started with `group_of_its_own`, and its children. Harmless when it is gone."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children hold and have used so far. Zero when it is gone."""

    resident: int = 0
    cpu_seconds: float = 0.0


def usage(pid: int) -> Usage:
    """Look at a process and its children, the ended ones included."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        ended = process.cpu_times()
    except psutil.Error:
        return Usage()
    resident, seconds = 0, ended.children_user + ended.children_system
    for member in family:
        with contextlib.suppress(psutil.Error):
            resident += member.memory_info().rss
            seconds += member.cpu_times().user + member.cpu_times().system
    return Usage(resident, seconds)
