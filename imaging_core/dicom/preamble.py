"""Where the data set of a file begins and how it is written: preamble, DICM mark, file meta information.

Old archives hold files without some or all of these (PS3.10 7.1 asks for them), so the first element is
looked at before the label is believed.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final

from imaging_core.dicom.elements import ElementWalker
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.source import FileSource
from imaging_core.dicom.syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    encoding_of,
)
from imaging_core.errors import DamagedDicom, NotDicom

_TRANSFER_SYNTAX: Final = 0x00020010
_VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


@dataclass(frozen=True, slots=True)
class FileStart:
    """Where and how the data set begins. `transfer_syntax_uid` is guessed when the file does not say."""

    transfer_syntax_uid: str
    explicit_vr: bool
    dataset_offset: int


def has_dicm_mark(first_bytes: bytes) -> bool:
    """Return whether the first 132 bytes carry the DICM mark."""
    return first_bytes[128:132] == b"DICM"


def looks_like_dataset(first_bytes: bytes) -> bool:
    """Return whether bytes without a DICM mark begin with a plausible first element of group 2 or 8.

    Implicit VR is believed only for the elements that real data sets begin with, for any text could
    otherwise be one.
    """
    if len(first_bytes) < 8:
        return False
    if first_bytes[:2] in (b"\x02\0", b"\x08\0", b"\0\x08") and first_bytes[4:6] in _VRS:
        return True
    element, length = int.from_bytes(first_bytes[2:4], "little"), int.from_bytes(first_bytes[4:8], "little")
    return first_bytes[:2] == b"\x08\0" and element in (0x0000, 0x0001, 0x0005, 0x0008, 0x0016) and length < 256


def find_start(file: BinaryIO, size: int, limits: Limits) -> FileStart:
    """Return where the data set begins; the file is left there.

    Raises:
        NotDicom: There is neither a DICM mark nor a plausible first element.
        DamagedDicom: The file ends before the data set, or its file meta information cannot be read.
    """
    file.seek(0)
    first = file.read(132)
    if has_dicm_mark(first):
        file.seek(132)
    elif looks_like_dataset(first):
        file.seek(0)
    else:
        raise NotDicom
    declared = _read_file_meta(file, size, limits)
    offset = file.tell()
    ahead = file.read(8)
    file.seek(offset)
    if len(ahead) < 8:
        raise DamagedDicom("truncated", "the file ends before its data set")
    return _start(declared, ahead, offset)


def _start(declared: str | None, ahead: bytes, offset: int) -> FileStart:
    if declared is not None and encoding_of(declared).deflated:
        return FileStart(declared, explicit_vr=True, dataset_offset=offset)
    explicit = ahead[4:6] in _VRS
    if declared is None:
        big_endian = ahead[0] == 0 and ahead[1] != 0
        if not explicit:
            declared = IMPLICIT_VR_LITTLE_ENDIAN
        else:
            declared = EXPLICIT_VR_BIG_ENDIAN if big_endian else EXPLICIT_VR_LITTLE_ENDIAN
    return FileStart(declared, explicit_vr=explicit, dataset_offset=offset)


def _read_file_meta(file: BinaryIO, size: int, limits: Limits) -> str | None:
    source = FileSource(file, size)
    ahead = source.peek(8)
    if ahead[:2] != b"\x02\0":
        return None
    # PS3.10 7.1: explicit VR little endian; a few writers use implicit VR here too
    walker = ElementWalker(source, explicit_vr=ahead[4:6] in _VRS, little_endian=True, limits=limits)
    uid = walker.scan_group(0x0002).values.get(_TRANSFER_SYNTAX, b"").decode("latin-1").strip("\0 ")
    return uid or None
