"""Pictures in visible light as DICOM files: stills of an endoscope, a section under the microscope."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, VLEndoscopicImageStorage, VLMicroscopicImageStorage

from imaging_core.phantoms.identifiers import phantom_uid
from imaging_core.phantoms.part10 import (
    SeriesHeader,
    StudyHeader,
    base_dataset,
    coded,
    set_colour_pixels,
    set_jpeg_pixels,
    write,
)


def write_endoscopy(stills: NDArray[np.uint8], *, study: StudyHeader, series: SeriesHeader, folder: Path) -> int:
    """Write the stills of a colonoscopy as JPEG objects, as image stations of endoscopes send them; return how many."""
    for number, still in enumerate(stills, start=1):
        ds = _light_dataset(study, series, sop_class_uid=VLEndoscopicImageStorage, number=number)
        ds.AnatomicRegionSequence = [coded("71854001", "SCT", "Colon")]
        set_jpeg_pixels(ds, still[np.newaxis])
        write(ds, folder / f"ES{number:04d}.dcm", JPEGBaseline8Bit)
    return len(stills)


def write_microscopy(picture: NDArray[np.uint8], *, study: StudyHeader, series: SeriesHeader, folder: Path) -> int:
    """Write the picture of a section, uncompressed, with the specimen that it shows; return 1."""
    ds = _light_dataset(study, series, sop_class_uid=VLMicroscopicImageStorage, number=1)
    ds.AnatomicRegionSequence = [coded("60184004", "SCT", "Sigmoid colon")]
    # PS3.3 C.7.6.22: the slide, and the piece of tissue on it
    ds.ContainerIdentifier = f"{study.accession_number}-A1"
    ds.IssuerOfTheContainerIdentifierSequence = []
    ds.ContainerTypeCodeSequence = [coded("433466003", "SCT", "Microscope slide")]
    specimen = Dataset()
    specimen.SpecimenIdentifier = ds.ContainerIdentifier
    specimen.SpecimenUID = phantom_uid(study.study_instance_uid, "specimen")
    specimen.IssuerOfTheSpecimenIdentifierSequence = []
    specimen.SpecimenPreparationSequence = []
    ds.SpecimenDescriptionSequence = [specimen]
    set_colour_pixels(ds, picture)
    write(ds, folder / "GM0001.dcm")
    return 1


def _light_dataset(study: StudyHeader, series: SeriesHeader, *, sop_class_uid: str, number: int) -> Dataset:
    ds = base_dataset(study, series, sop_class_uid=sop_class_uid, instance_number=number)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.PatientOrientation = []
    ds.AcquisitionContextSequence = []
    ds.BurnedInAnnotation = "NO"
    return ds
