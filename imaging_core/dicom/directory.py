"""DICOMDIR: the list of files on a CD or stick (PS3.3 F)."""

from pathlib import Path
from typing import Final

import pydicom

from imaging_core.errors import DamagedDicom, LimitExceeded

MEDIA_STORAGE_DIRECTORY: Final = b"1.2.840.10008.1.3.10"
_LARGEST: Final = 256 * 1024 * 1024


def is_dicomdir(first_bytes: bytes) -> bool:
    """Return whether the first half kilobyte of a file says that it is a DICOMDIR."""
    return first_bytes[128:132] == b"DICM" and MEDIA_STORAGE_DIRECTORY in first_bytes


def referenced_files(dicomdir: Path) -> list[Path]:
    """Return the files a DICOMDIR names, each once, whether they exist or not; never one outside its folder.

    Raises:
        DamagedDicom: It cannot be read.
        LimitExceeded: It is too long.
    """
    size = dicomdir.stat().st_size
    if size > _LARGEST:
        raise LimitExceeded("bytes of a DICOMDIR", allowed=_LARGEST, found=size)
    try:
        records = pydicom.dcmread(dicomdir).DirectoryRecordSequence
        names = [record.get("ReferencedFileID") for record in records]
    except Exception as error:
        # whatever pydicom stumbles over in a foreign file
        raise DamagedDicom("bad_dicomdir", f"the DICOMDIR cannot be read: {type(error).__name__}") from error
    files = [_inside(dicomdir.parent, [name] if isinstance(name, str) else list(name)) for name in names if name]
    return list(dict.fromkeys(file for file in files if file is not None))


def _inside(folder: Path, components: list[str]) -> Path | None:
    if any(component in ("", ".", "..") or "/" in component or "\\" in component for component in components):
        return None
    file = folder
    for component in components:
        file = _as_written(file, component)
    return file


def _as_written(folder: Path, name: str) -> Path:
    """Return the entry of the folder, whatever its case: CDs are often copied to lower case names."""
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    wanted = name.lower()
    # ISO 9660 may add a version (";1") or a trailing dot
    return next((entry for entry in folder.iterdir() if entry.name.lower().split(";")[0].rstrip(".") == wanted), exact)
