"""One `mingying up` a data folder: a lock that ends with the process that holds it, however it ends."""

import os
from pathlib import Path
from typing import BinaryIO


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
        _lock(file)
    except OSError:
        file.close()
        raise DataFolderInUse("this data folder is already in use: another `mingying up` is running on it") from None
    return file


if os.name == "nt":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]  # Windows only
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
