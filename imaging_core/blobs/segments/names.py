"""Names of segments: `<own>.segment`, or `<own>~<old>.segment` for one that replaces another."""

from pathlib import Path
from typing import Final

SUFFIX: Final = ".segment"
REPLACES: Final = "~"


def own_name(path: Path) -> str:
    """Return what a segment is called by the one that replaces it."""
    return path.stem.partition(REPLACES)[0]


def replacements(folder: Path) -> dict[Path, Path]:
    """Return which segments replace others that are still there: new to old."""
    paths = list(folder.glob(f"*{SUFFIX}"))
    by_name = {own_name(path): path for path in paths}
    replaced = {path: path.stem.partition(REPLACES)[2] for path in paths}
    return {new: by_name[old] for new, old in replaced.items() if old in by_name}


def is_replaced(path: Path) -> bool:
    """Return whether another segment replaces this one."""
    return any(path.parent.glob(f"*{REPLACES}{own_name(path)}{SUFFIX}"))
