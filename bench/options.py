"""What a caller may set by environment, for measuring on their own machine and material."""

import os
from pathlib import Path

from bench.errors import NeedMissing


def rounds(default: int) -> int:
    """Return how often a workload repeats itself: `MINGYING_BENCH_ROUNDS`, at least 1."""
    return max(1, int(os.environ.get("MINGYING_BENCH_ROUNDS", default)))


def folder(name: str) -> Path | None:
    """Return a folder of the caller's own material, e.g. `MINGYING_BENCH_OCR`; None when it is not set.

    Raises:
        NeedMissing: It is set, and there is no such folder.
    """
    value = os.environ.get(name)
    if not value:
        return None
    path = Path(value)
    if not path.is_dir():
        raise NeedMissing(f"the folder of {name}", f"{path} is no folder")
    return path
