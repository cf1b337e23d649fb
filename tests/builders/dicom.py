"""DICOM instances for tests: small, deterministic, of plainly invented people."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from imaging_core.dicom.writing import dicom_file

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def uid(*parts: object) -> str:
    """Return the same valid UID for the same parts."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def ct_pixels(rows: int = 4, columns: int = 4, *, slice_number: int = 1) -> np.ndarray:
    """Return stored values (int16, rows × columns) of a slice: a gradient that differs from slice to slice."""
    y, x = np.mgrid[0:rows, 0:columns]
    values: np.ndarray = (x * 7 + y * 13 + slice_number * 29) % 3000 - 1000
    return values.astype("<i2")


def ct_instance(
    rows: int = 4,
    columns: int = 4,
    *,
    window: tuple[float, float] | None = (40, 400),
    study: str = "study",
    series: str = "series",
    number: int = 1,
    patient_id: str = "TEST0001",
    patient_name: str = "测试^患者",
    accession_number: str = "ACC0001",
    study_date: str = "20260301",
    pixels: np.ndarray | None = None,
    **overrides: Any,
) -> bytes:
    """Return one CT slice as a DICOM file.

    `study` and `series` are names from which the UIDs are made (`study_uid("study")`), so equal names
    are one study. Any further keyword is a DICOM attribute that replaces or adds; `None` leaves it out.
    """
    cells = ct_pixels(rows, columns, slice_number=number) if pixels is None else pixels
    attributes: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CT_IMAGE_STORAGE,
        "SOPInstanceUID": instance_uid(study, series, number),
        "StudyDate": study_date,
        "StudyTime": "093000",
        "AccessionNumber": accession_number,
        "Modality": "CT",
        "StudyDescription": "胸部CT平扫",
        "SeriesDescription": "肺窗",
        "PatientName": patient_name,
        "PatientID": patient_id,
        "PatientBirthDate": "19800101",
        "PatientSex": "F",
        "BodyPartExamined": "CHEST",
        "SliceThickness": 1.0,
        "StudyInstanceUID": study_uid(study),
        "SeriesInstanceUID": series_uid(study, series),
        "StudyID": "1",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "ImagePositionPatient": [-125.0, -125.0, -float(number)],
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "FrameOfReferenceUID": uid("frame of reference", study),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": cells.shape[0],
        "Columns": cells.shape[1],
        "PixelSpacing": [0.7, 0.7],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "PixelData": cells.astype("<i2").tobytes(),
    }
    if window is not None:
        attributes |= {"WindowCenter": window[0], "WindowWidth": window[1]}
    attributes |= overrides
    return dicom_file({keyword: value for keyword, value in attributes.items() if value is not None})


def ct_series(count: int, rows: int = 4, columns: int = 4, **overrides: Any) -> Sequence[bytes]:
    """Return the slices 1 to `count` of one series."""
    return [ct_instance(rows, columns, number=number, **overrides) for number in range(1, count + 1)]


def study_uid(study: str = "study") -> str:
    """Return the StudyInstanceUID that `ct_instance(study=…)` carries."""
    return uid("study", study)


def series_uid(study: str = "study", series: str = "series") -> str:
    """Return the SeriesInstanceUID that `ct_instance(study=…, series=…)` carries."""
    return uid("series", study, series)


def instance_uid(study: str = "study", series: str = "series", number: int = 1) -> str:
    """Return the SOPInstanceUID that `ct_instance(study=…, series=…, number=…)` carries."""
    return uid("instance", study, series, number)
