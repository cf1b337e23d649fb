"""Which images a key object selection points out."""

from typing import Final

from pydicom.dataset import Dataset

_KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"
# PS3.16 CID 7010: of interest, for the referring provider, for the patient, best in set. Not those rejected for their
# quality, nor manifests, which name every image.
_POINTING_OUT: Final = frozenset({"113000", "113002", "113007", "113013"})


def pointed_out(dataset: Dataset) -> list[tuple[str, int]]:
    """Return the frames a key object points out as (SOP Instance UID, frame number), in its own order.

    Empty for every other object, and for a key object with another purpose.
    """
    if dataset.get("SOPClassUID") != _KEY_OBJECT_SELECTION:
        return []
    try:
        return _references(dataset)
    except (AttributeError, TypeError, ValueError):  # a foreign file may hold anything in any place
        return []


def _references(dataset: Dataset) -> list[tuple[str, int]]:
    titles = {str(item.get("CodeValue", "")) for item in dataset.get("ConceptNameCodeSequence") or ()}
    if not titles & _POINTING_OUT:
        return []
    # PS3.3 A.35.4.3.1: images stand at the first level of the content tree
    references = [
        reference
        for item in dataset.get("ContentSequence") or ()
        if item.get("ValueType") == "IMAGE"
        for reference in item.get("ReferencedSOPSequence") or ()
    ]
    return [(str(item.get("ReferencedSOPInstanceUID", "")), _first_frame(item)) for item in references]


def _first_frame(reference: Dataset) -> int:
    numbers = reference.get("ReferencedFrameNumber") or 1
    return int(numbers if isinstance(numbers, int) else numbers[0])
