"""CT and MR volumes as one file a slice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage

from imaging_core.phantoms.head_mr import HeadAcquisition, Weighting
from imaging_core.phantoms.identifiers import phantom_uid
from imaging_core.phantoms.part10 import SeriesHeader, StudyHeader, base_dataset, set_grey_pixels, set_windows, write
from imaging_core.phantoms.thorax_ct import Acquisition

LUNG_WINDOW = ("LUNG", -600.0, 1500.0)
MEDIASTINUM_WINDOW = ("MEDIASTINUM", 40.0, 350.0)


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where the first slice lies in the scanner, and in which frame of reference."""

    frame: str
    """Any name; another name is another FrameOfReferenceUID."""
    lowest_z: float
    """ImagePositionPatient z of the lowest slice, mm."""
    slice_thickness: float
    kvp: float = 120.0
    tube_current: int = 180
    kernel: str = "B60F"


def write_ct_series(
    volume: NDArray[np.int16],
    *,
    study: StudyHeader,
    series: SeriesHeader,
    acquisition: Acquisition,
    place: TablePlace,
    folder: Path,
) -> int:
    """Write one CT file a slice, numbered from the head down; return how many."""
    rows, columns = volume.shape[1:]
    count = len(volume)
    pixel = acquisition.pixel_spacing
    left, top = -(columns - 1) / 2 * pixel, -(rows - 1) / 2 * pixel
    for index in range(count):
        number = count - index
        ds = base_dataset(study, series, sop_class_uid=CTImageStorage, instance_number=number)
        z = place.lowest_z + index * acquisition.slice_spacing
        _fill_plane(ds, study, place.frame, (left, top, z), pixel, place.slice_thickness)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.AcquisitionNumber = 1
        ds.SpacingBetweenSlices = round(acquisition.slice_spacing, 4)  # PS3.5 6.2: DS has 16 characters
        ds.KVP = place.kvp
        ds.XRayTubeCurrent = place.tube_current
        ds.ExposureTime = 500
        ds.ConvolutionKernel = place.kernel
        ds.DataCollectionDiameter = 500
        ds.ReconstructionDiameter = round(columns * pixel, 2)
        ds.GantryDetectorTilt = 0
        ds.RotationDirection = "CW"
        ds.TableHeight = 152.0
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
        set_windows(ds, (LUNG_WINDOW, MEDIASTINUM_WINDOW))
        set_grey_pixels(ds, rows=rows, columns=columns, bits_stored=12, signed=False)
        ds.PixelData = (volume[index] + 1024).astype("<u2").tobytes()
        write(ds, folder / f"CT{number:04d}.dcm")
    return count


def write_mr_series(
    volume: NDArray[np.uint16],
    *,
    study: StudyHeader,
    series: SeriesHeader,
    acquisition: HeadAcquisition,
    weighting: Weighting,
    folder: Path,
) -> int:
    """Write one MR file a slice, numbered from the feet up; return how many."""
    rows, columns = volume.shape[1:]
    count = len(volume)
    pixel = acquisition.pixel_spacing
    left, top = -(columns - 1) / 2 * pixel, -(rows - 1) / 2 * pixel
    repetition, echo = (450.0, 9.0) if weighting is Weighting.T1 else (4200.0, 98.0)
    bright = float(np.percentile(volume, 99.5))
    for index in range(count):
        number = index + 1
        ds = base_dataset(study, series, sop_class_uid=MRImageStorage, instance_number=number)
        z = acquisition.lowest + index * acquisition.slice_spacing
        _fill_plane(ds, study, "head", (left, top, z), pixel, round(acquisition.slice_spacing - 0.6, 2))
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.SpacingBetweenSlices = round(acquisition.slice_spacing, 4)  # PS3.5 6.2: DS has 16 characters
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SK", ""
        ds.MRAcquisitionType = "2D"
        ds.RepetitionTime, ds.EchoTime = repetition, echo
        ds.EchoTrainLength = 1 if weighting is Weighting.T1 else 15
        ds.MagneticFieldStrength = 1.5
        ds.AcquisitionNumber = 1
        set_windows(ds, ((weighting.value, round(bright / 2), round(bright)),))
        set_grey_pixels(ds, rows=rows, columns=columns, bits_stored=12, signed=False)
        ds.PixelData = volume[index].astype("<u2").tobytes()
        write(ds, folder / f"MR{series.number:02d}{number:04d}.dcm")
    return count


def _fill_plane(
    ds: Dataset, study: StudyHeader, frame: str, position: tuple[float, float, float], pixel: float, thickness: float
) -> None:
    ds.FrameOfReferenceUID = phantom_uid(study.study_instance_uid, "frame", frame)
    ds.PositionReferenceIndicator = ""
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [round(value, 4) for value in position]
    ds.SliceLocation = round(position[2], 4)
    ds.PixelSpacing = [pixel, pixel]
    ds.SliceThickness = thickness
