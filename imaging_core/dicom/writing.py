"""Writing DICOM files: for what we make ourselves and for received data sets that came without a file header."""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import dcmread
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

# A UID of the 2.25 form (PS3.5 B.2) made once for this software; it needs no registered root.
IMPLEMENTATION_CLASS_UID: Final = "2.25.211638478215427893261509466083174409817"
IMPLEMENTATION_VERSION: Final = "MINGYING"


def file_meta(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, DICM mark and group 2 for a data set that was received without them (PS3.10 7.1).

    Equal arguments give equal bytes, whoever sent the data set and when.
    """
    # not by pydicom: this is done for every instance that is received, and takes a hundredth of the time
    elements = b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
    for element, vr, value in (
        (0x0002, b"UI", sop_class_uid),
        (0x0003, b"UI", sop_instance_uid),
        (0x0010, b"UI", transfer_syntax_uid),
        (0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
        (0x0013, b"SH", IMPLEMENTATION_VERSION),
    ):
        encoded = value.encode("ascii")
        encoded += b"\0" * (len(encoded) % 2)
        elements += struct.pack("<HH2sH", 2, element, vr, len(encoded)) + encoded
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)) + elements


def dicom_file(attributes: Mapping[str, Any], *, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """Return a whole DICOM file made of attributes, named by keyword.

    Sequence values are lists of mappings of the same kind. `PixelData` is given as bytes in the form the
    transfer syntax asks for (little endian cells, or encapsulated fragments).
    """
    written = dataset(attributes)
    written.file_meta = _meta(str(written.SOPClassUID), str(written.SOPInstanceUID), transfer_syntax_uid)
    out = BytesIO()
    dcmwrite(out, written, enforce_file_format=True)
    return out.getvalue()


def _meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = sop_class_uid
    meta.MediaStorageSOPInstanceUID = sop_instance_uid
    meta.TransferSyntaxUID = transfer_syntax_uid
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    return meta


def dataset(attributes: Mapping[str, Any]) -> Dataset:
    """Return a data set made of attributes, named by keyword; sequences are lists of mappings of the same kind.

    Raises:
        ValueError: A keyword is not in the dictionary (PS3.6), or a value is none of its representation.
    """
    made = Dataset()
    for keyword, value in attributes.items():
        if tag_for_keyword(keyword) is None:
            raise ValueError(f"{keyword} is no DICOM keyword")
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            setattr(made, keyword, [dataset(item) for item in value])
        else:
            setattr(made, keyword, value)
    if "PixelData" in made:
        # PS3.5 8.2: OW when cells are wider than a byte
        made["PixelData"].VR = "OW" if made.BitsAllocated > 8 else "OB"
    return made


def implicit_file(content: bytes) -> bytes:
    """Return a file of explicit VR little endian, one of our own making, as implicit VR little endian."""
    made = dcmread(BytesIO(content))
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = BytesIO()
    dcmwrite(out, made, implicit_vr=True, little_endian=True, enforce_file_format=True)
    return out.getvalue()
