"""The bytes of attributes as they were received, undecoded: for judging what a device wrote."""

import warnings
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, BinaryIO, Final

import pydicom
from pydicom.dataset import Dataset

from imaging_core.dicom.elements import ElementWalker
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.preamble import find_start
from imaging_core.dicom.source import FileSource, InflatedSource, Source
from imaging_core.dicom.syntaxes import encoding_of

_PROCEDURE_SEQUENCES: Final = ("ProcedureCodeSequence", "RequestAttributesSequence")
# Code Meaning, Requested Procedure Description, Scheduled Procedure Step Description
_PROCEDURE_NAMES: Final = (0x00080104, 0x00321060, 0x00400007)


def read_raw_values(file: BinaryIO, size: int, limits: Limits, wanted: AbstractSet[int]) -> Mapping[int, bytes]:
    """Return the wanted top-level values of a DICOM file that are there, padding and all.

    Raises:
        NotDicom: The file is something else.
        DamagedDicom: Truncated or unreadable.
        LimitExceeded: It declares or holds more than the limits allow.
    """
    start = find_start(file, size, limits)
    encoding = encoding_of(start.transfer_syntax_uid)
    source: Source = InflatedSource(file, limits) if encoding.deflated else FileSource(file, size)
    walker = ElementWalker(source, explicit_vr=start.explicit_vr, little_endian=encoding.little_endian, limits=limits)
    return walker.scan(wanted).values


def read_procedure_names(file: BinaryIO) -> list[bytes]:
    """Return what the worklist called the examination; nothing when there is none or it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(
                file, stop_before_pixels=True, specific_tags=list(_PROCEDURE_SEQUENCES), force=True
            )
            items = [item for keyword in _PROCEDURE_SEQUENCES for item in dataset.get(keyword) or ()]
            return [name for item in items for name in _names(item)]
    except Exception:  # noqa: BLE001  # whatever pydicom makes of a foreign file: the names are a help, not a need
        return []


def _names(item: Dataset) -> list[bytes]:
    nested = list(item.get("RequestedProcedureCodeSequence") or ())
    found = [item.get_item(tag) for tag in _PROCEDURE_NAMES]
    values: list[Any] = [element.value for element in found if element is not None]
    return [value for value in values if isinstance(value, bytes)] + [name for code in nested for name in _names(code)]
