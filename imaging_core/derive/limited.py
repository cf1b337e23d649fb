"""What every child that reads foreign files does first: keeps its pipe to itself, and takes limits on."""

import os
import sys
from typing import BinaryIO


def own_pipe() -> BinaryIO:
    """Keep standard output for messages; what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def limit_resources(memory_bytes: int) -> None:
    """Limit the memory, and let no file be written."""
    if sys.platform == "win32":
        return  # there the time limit and the separate process remain
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
