"""What every demo object has in common: patient, study, equipment, and writing PS3.10 files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from imaging_core.phantoms.identifiers import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, phantom_uid


@dataclass(frozen=True, slots=True)
class StudyHeader:
    """The words of a study as its scanner would know them. Times are local, as DICOM wants them."""

    patient_id: str
    patient_name: str
    """With its romanisation: `Wang^Shili=王^示例`."""
    patient_birth_date: str
    """YYYYMMDD"""
    patient_sex: str
    """M, F or O."""
    patient_age: str
    """As in 062Y."""
    accession_number: str
    study_id: str
    study_description: str
    performed_at: datetime
    institution_name: str
    referring_physician: str
    specific_character_set: str = "GB18030"

    @property
    def study_instance_uid(self) -> str:
        """UID of the study, the same on every machine."""
        return phantom_uid(self.patient_id, self.accession_number)


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """The words of one series."""

    modality: str
    number: int
    description: str
    body_part_examined: str
    manufacturer_model: str
    patient_position: str = ""
    protocol: str = ""


def base_dataset(study: StudyHeader, series: SeriesHeader, *, sop_class_uid: str, instance_number: int) -> Dataset:
    """Return a data set with patient, study, series, equipment and SOP common modules filled."""
    ds = Dataset()
    ds.SpecificCharacterSet = study.specific_character_set
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = phantom_uid(study.study_instance_uid, series.number, instance_number)
    _fill_study(ds, study)
    ds.Modality = series.modality
    ds.SeriesInstanceUID = phantom_uid(study.study_instance_uid, series.number)
    ds.SeriesNumber = series.number
    ds.SeriesDescription = series.description
    ds.SeriesDate = ds.StudyDate
    ds.SeriesTime = ds.StudyTime
    if series.protocol:
        ds.ProtocolName = series.protocol
    ds.BodyPartExamined = series.body_part_examined
    if series.patient_position:
        ds.PatientPosition = series.patient_position
    ds.Manufacturer = "Mingying Demo"
    ds.ManufacturerModelName = series.manufacturer_model
    ds.DeviceSerialNumber = "DEMO-0001"
    ds.SoftwareVersions = "phantom"
    ds.InstanceNumber = instance_number
    ds.ContentDate = ds.StudyDate
    ds.ContentTime = ds.StudyTime
    ds.AcquisitionDate = ds.StudyDate
    ds.AcquisitionTime = ds.StudyTime
    return ds


def _fill_study(ds: Dataset, study: StudyHeader) -> None:
    ds.StudyInstanceUID = study.study_instance_uid
    ds.StudyDate = study.performed_at.strftime("%Y%m%d")
    ds.StudyTime = study.performed_at.strftime("%H%M%S")
    ds.StudyID = study.study_id
    ds.AccessionNumber = study.accession_number
    ds.StudyDescription = study.study_description
    ds.ReferringPhysicianName = study.referring_physician
    ds.InstitutionName = study.institution_name
    ds.PatientName = study.patient_name
    ds.PatientID = study.patient_id
    ds.PatientBirthDate = study.patient_birth_date
    ds.PatientSex = study.patient_sex
    ds.PatientAge = study.patient_age
    ds.PatientComments = "DEMO PHANTOM, NOT A PERSON"


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded entry (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def set_windows(ds: Dataset, windows: Sequence[tuple[str, float, float]]) -> None:
    """Set VOI windows: name, centre, width (PS3.3 C.11.2)."""
    ds.WindowCenter = [centre for _, centre, _ in windows]
    ds.WindowWidth = [width for _, _, width in windows]
    ds.WindowCenterWidthExplanation = [name for name, _, _ in windows]


def set_grey_pixels(ds: Dataset, *, rows: int, columns: int, bits_stored: int, signed: bool) -> None:
    """Set the image pixel module of a 16-bit single-channel image, without its pixels."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = 16
    ds.BitsStored = bits_stored
    ds.HighBit = bits_stored - 1
    ds.PixelRepresentation = 1 if signed else 0


def set_colour_pixels(ds: Dataset, picture: NDArray[np.uint8]) -> None:
    """Set the pixels of a colour picture, uncompressed."""
    _fill_colour(ds, rows=picture.shape[0], columns=picture.shape[1], photometric="RGB")
    ds.LossyImageCompression = "00"
    ds.PixelData = picture.tobytes()


def set_jpeg_pixels(ds: Dataset, frames: NDArray[np.uint8]) -> None:
    """Set the pixels of colour frames, each as JPEG; the file is then written in JPEG Baseline."""
    encoded = [_jpeg(frame) for frame in frames]
    _fill_colour(ds, rows=frames.shape[1], columns=frames.shape[2], photometric="YBR_FULL_422")
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = round(frames.nbytes / sum(map(len, encoded)), 2)
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    ds.PixelData = encapsulate(encoded)
    ds["PixelData"].is_undefined_length = True


def _fill_colour(ds: Dataset, *, rows: int, columns: int, photometric: str) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, photometric, 0
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    # PS3.5 8.2.1: YBR_FULL_422 goes with JPEG frames whose colours are halved across.
    Image.fromarray(frame).save(target, "JPEG", quality=88, subsampling="4:2:2")
    return target.getvalue()


def write(ds: Dataset, path: Path, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> None:
    """Write one PS3.10 file; the same data set gives the same bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax_uid
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    ds.file_meta = meta
    ds.save_as(path, enforce_file_format=True)
