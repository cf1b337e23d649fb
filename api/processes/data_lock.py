"""One `mingying up` a data folder: a lock that ends with the process that holds it, however it ends."""

from pathlib import Path
from typing import BinaryIO

from api.processes.system import lock


class DataFolderInUse(Exception):
    """Another `mingying up` runs on this data folder."""


def hold(data: Path) -> BinaryIO:
    """Take the folder; it is given back when the returned file is closed or the process ends.

    Raises:
        DataFolderInUse: another process holds it.
    """
    path = data / "run" / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        lock(file)
    except OSError:
        file.close()
        raise DataFolderInUse("this data folder is already in use: another `mingying up` is running on it") from None
    return file
