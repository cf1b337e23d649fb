"""Ending with the supervisor: a child whose supervisor was killed stops, so that the next start finds free ports."""

import os

from api.processes.system import end_with_parent

PARENT = "MINGYING_SUPERVISOR"
"""Environment variable that tells a child its supervisor's process id."""


def end_with_supervisor() -> None:
    """Ask the kernel for SIGTERM when the supervisor ends. Without a supervisor, or outside Linux, nothing happens."""
    supervisor = os.environ.get(PARENT)
    if supervisor is not None:
        end_with_parent(int(supervisor))
