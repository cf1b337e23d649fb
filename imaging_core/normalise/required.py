"""Attributes that must be there: those of PS3.3, and those without which a hospital does not find its images."""

from collections.abc import Mapping
from typing import Final

from imaging_core.normalise.values import Finding, FindingCode, Severity

_TYPE_1: Final = {
    "sop_class_uid": 0x00080016,
    "sop_instance_uid": 0x00080018,
    "study_instance_uid": 0x0020000D,
    "series_instance_uid": 0x0020000E,
    "modality": 0x00080060,
}
_TYPE_1_OF_PIXELS: Final = {  # PS3.3 C.7.6.3
    "samples_per_pixel": 0x00280002,
    "photometric_interpretation": 0x00280004,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "bits_allocated": 0x00280100,
    "bits_stored": 0x00280101,
    "high_bit": 0x00280102,
    "pixel_representation": 0x00280103,
}
_TYPE_1_OF_SLICES: Final = {  # PS3.3 C.7.6.2, C.7.4.1
    "pixel_spacing": 0x00280030,
    "image_orientation_patient": 0x00200037,
    "image_position_patient": 0x00200032,
    "frame_of_reference_uid": 0x00200052,
    "image_type": 0x00080008,
}
_TYPE_2: Final = {
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
    "study_time": 0x00080030,
    "referring_physician_name": 0x00080090,
    "study_id": 0x00200010,
    "manufacturer": 0x00080070,
    "series_number": 0x00200011,
    "instance_number": 0x00200013,
}
_NEEDED: Final = {
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "study_date": 0x00080020,
    "accession_number": 0x00080050,
}
_SLICES: Final = frozenset({"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"})
CHECKED: Final = frozenset({*_TYPE_1.values(), *_TYPE_1_OF_PIXELS.values(), *_TYPE_1_OF_SLICES.values()}).union(
    _TYPE_2.values(), _NEEDED.values()
)


def missing(raw: Mapping[int, bytes], sop_class_uid: str, *, has_pixels: bool, accompanies: bool) -> list[Finding]:
    """Return what is not there: Type 1 absent or empty, Type 2 absent, and empty what the hospital needs.

    What only accompanies images (a document, a segmentation) needs no accession number of its own.
    """
    type_1 = dict(_TYPE_1)
    if has_pixels:
        type_1 |= _TYPE_1_OF_PIXELS
    if sop_class_uid in _SLICES:
        type_1 |= _TYPE_1_OF_SLICES
    findings = [
        Finding(FindingCode.REQUIRED_MISSING if tag not in raw else FindingCode.REQUIRED_EMPTY, Severity.WARNING, name)
        for name, tag in type_1.items()
        if not raw.get(tag, b"").strip(b"\0 ") and not (tag in raw and name in _TYPE_1_OF_PIXELS and raw[tag])
    ]
    findings += [
        Finding(FindingCode.REQUIRED_MISSING, Severity.INFO, name) for name, tag in _TYPE_2.items() if tag not in raw
    ]
    for name, tag in _NEEDED.items():
        if not raw.get(tag, b"").strip(b"\0 ") and not (accompanies and name == "accession_number"):
            severity = Severity.ERROR if name in {"patient_id", "patient_name"} else Severity.WARNING
            findings.append(Finding(FindingCode.NEEDED_EMPTY, severity, name))
    return findings
