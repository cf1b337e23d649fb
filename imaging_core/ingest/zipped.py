"""ZIP archives from strangers: read entry by entry within a budget, nothing is unpacked to disk by name."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

_GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Limits on one archive with everything nested in it."""

    entries: int = 100_000
    unpacked_bytes: int = 64 * _GIB
    ratio: int = 200
    """Unpacked bytes for each packed one, over the whole archive."""
    depth: int = 2
    """An archive in an archive has depth 2."""


class ZipRefused(Exception):
    """An archive or entry cannot or must not be read; carries a reason code and a sentence."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class ZipBudget:
    """What is left of the limits, shared by an archive and those nested in it."""

    def __init__(self, limits: ZipLimits) -> None:
        self._limits = limits
        self._depth = 1
        self._left = [limits.entries, limits.unpacked_bytes]

    def nested(self) -> "ZipBudget":
        """Return the same budget one archive deeper."""
        deeper = ZipBudget(self._limits)
        deeper._depth, deeper._left = self._depth + 1, self._left
        return deeper

    def take(self, entries: Sequence[zipfile.ZipInfo]) -> None:
        """Take the entries of one archive off the budget before any is unpacked.

        Raises:
            ZipRefused: More than is left.
        """
        if self._depth > self._limits.depth:
            raise ZipRefused("zip_too_deep", f"archives are nested deeper than {self._limits.depth}")
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        self._left[0] -= len(entries)
        self._left[1] -= unpacked
        if self._left[0] < 0:
            raise ZipRefused("zip_too_many_entries", f"more than {self._limits.entries} entries")
        if self._left[1] < 0:
            raise ZipRefused("zip_too_large", f"unpacks to more than {self._limits.unpacked_bytes} bytes")
        if unpacked > self._limits.ratio * max(packed, 1):
            raise ZipRefused("zip_bomb", f"unpacks to more than {self._limits.ratio} times its size")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file in an archive. `name` is for people only and never used as a path."""

    name: str
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    @property
    def size(self) -> int:
        """Return the declared number of unpacked bytes."""
        return self._info.file_size

    @property
    def checksum(self) -> str:
        """Return the declared check sum of the unpacked bytes."""
        return f"crc32 {self._info.CRC:08x}"

    def open(self) -> BinaryIO:
        """Open the entry for reading; the zip module gives no more bytes than the archive declared.

        Raises:
            ZipRefused: Encrypted, damaged or packed in a way we do not read.
        """
        with _refusing():
            return cast(BinaryIO, _CheckedEntry(cast(BinaryIO, self._archive.open(self._info))))


class _CheckedEntry:
    """Turns what the zip module raises while reading into `ZipRefused`."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def __enter__(self) -> "_CheckedEntry":
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()

    def read(self, size: int = -1) -> bytes:
        with _refusing():
            return self._content.read(size)


def is_zip(first_bytes: bytes) -> bool:
    """Return whether a file begins like a ZIP archive."""
    return first_bytes[:4] in (b"PK\3\4", b"PK\5\6")


@contextmanager
def open_entries(content: BinaryIO, budget: ZipBudget) -> Iterator[Sequence[ZipEntry]]:
    """Open an archive and yield its files, after all of them were taken off the budget.

    Raises:
        ZipRefused: The archive cannot be read or is beyond the limits.
    """
    with tempfile.TemporaryFile() as spool:
        if not hasattr(content, "seek"):
            # an entry of an archive cannot be sought in; its size is within the budget
            shutil.copyfileobj(content, spool, 1024 * 1024)
            content = cast(BinaryIO, spool)
        with _refusing():
            archive = zipfile.ZipFile(content)
        with archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            budget.take(files)
            yield [ZipEntry(info.filename, archive, info) for info in files]


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except zipfile.BadZipFile as error:
        raise ZipRefused("zip_damaged", f"the ZIP archive is damaged: {error}") from error
    except (zlib.error, EOFError, ValueError) as error:
        raise ZipRefused("zip_damaged", "the ZIP archive is damaged") from error
    except NotImplementedError as error:
        raise ZipRefused("zip_unsupported", "packed in a way that is not supported") from error
    except RuntimeError as error:
        raise ZipRefused("zip_encrypted", "the ZIP entry is encrypted") from error
