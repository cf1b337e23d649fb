"""How a child tells its supervisor that it is ready: by a file.

Not by a connection to its port: a DICOM listener takes that for a sender and waits for it when it is stopped.
"""

from pathlib import Path


def marker(data: Path, name: str) -> Path:
    """Return the file of a child."""
    return data / "run" / f"{name}.ready"


def tell_ready(data: Path, name: str) -> None:
    """Say that the child takes work."""
    path = marker(data, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
