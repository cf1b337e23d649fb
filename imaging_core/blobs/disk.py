"""What the stores on disk ask of the system: whole writes, flushes, locks."""

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from imaging_core.blobs.port import Bytes

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MOST_BUFFERS: Final = 512
"""Below IOV_MAX of every system."""


def no_room(error: OSError) -> bool:
    """Return whether the disk or the quota is full."""
    return error.errno in _NO_ROOM


def write_parts(file: int, parts: Sequence[Bytes], offset: int) -> None:
    """Write all bytes of the parts, one after another, from an offset on."""
    left = [memoryview(part) for part in parts if len(part)]
    while left:
        written = _write(file, left[:_MOST_BUFFERS], offset)
        offset += written
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def _write(file: int, parts: Sequence[memoryview], offset: int) -> int:
    if hasattr(os, "pwritev"):
        return os.pwritev(file, parts, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, b"".join(parts))


def force_file(file: int) -> None:
    """Return when the bytes of a file, and its length, survive a power loss."""
    getattr(os, "fdatasync", os.fsync)(file)


def force_folder(folder: Path) -> None:
    """Return when the names in a folder survive a power loss."""
    if os.name == "nt":
        return  # Windows journals folder entries itself and cannot open a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def holding(path: Path, *, alone: bool) -> Iterator[None]:
    """Hold a lock file meanwhile, alone or together with others who do not ask for it alone; wait until it is free."""
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:  # there is no lock to share, and theirs gives up after ten seconds
                with suppress(OSError):
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield


def take_lock(file: int) -> bool:
    """Return whether this process alone may write to an open file; the lock ends with the process or the file."""
    if sys.platform == "win32":
        import msvcrt

        with suppress(OSError):
            # far behind every record, so that readers are not kept off: Windows locks are mandatory
            os.lseek(file, 2**62, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            return True
        return False
    import fcntl

    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
