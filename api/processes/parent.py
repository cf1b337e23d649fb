"""Ending with the supervisor: a child whose supervisor was killed stops, so that the next start finds free ports."""

import ctypes
import os
import signal
import sys

PARENT = "MINGYING_SUPERVISOR"
"""Environment variable that tells a child its supervisor's process id."""
_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_supervisor() -> None:
    """Ask the kernel for SIGTERM when the supervisor ends. Without a supervisor, or outside Linux, nothing happens."""
    supervisor = os.environ.get(PARENT)
    if supervisor is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):  # it ended before we asked
        sys.exit("the supervisor has ended")
