"""Radiograph, ultrasound cine and ECG as DICOM files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    JPEGBaseline8Bit,
    TwelveLeadECGWaveformStorage,
    UltrasoundMultiFrameImageStorage,
)

from imaging_core.phantoms.ecg import LEADS, EcgAcquisition
from imaging_core.phantoms.part10 import (
    SeriesHeader,
    StudyHeader,
    base_dataset,
    coded,
    set_grey_pixels,
    set_jpeg_pixels,
    set_windows,
    write,
)
from imaging_core.phantoms.ultrasound import EchoAcquisition

_MICROVOLTS_PER_STEP = 2.5


def write_chest_radiograph(
    image: NDArray[np.uint16], *, pixel: float, study: StudyHeader, series: SeriesHeader, folder: Path
) -> int:
    """Write a DX image for presentation; return 1."""
    ds = base_dataset(study, series, sop_class_uid=DigitalXRayImageStorageForPresentation, instance_number=1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageLaterality = "U"
    ds.PositionerType = "NONE"
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.AnatomicRegionSequence = [coded("51185008", "SCT", "Chest")]
    view = coded("399348003", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = []
    ds.ViewCodeSequence = [view]
    ds.KVP, ds.ExposureTime, ds.XRayTubeCurrent = 125, 8, 250
    ds.DetectorType = "SCINTILLATOR"
    ds.ImagerPixelSpacing = [pixel, pixel]
    ds.PixelSpacing = [pixel, pixel]
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.LossyImageCompression = "00"
    ds.BurnedInAnnotation = "NO"
    ds.AcquisitionContextSequence = []
    set_windows(ds, (("STANDARD", 2048.0, 3900.0),))
    set_grey_pixels(ds, rows=image.shape[0], columns=image.shape[1], bits_stored=12, signed=False)
    ds.PixelData = image.astype("<u2").tobytes()
    write(ds, folder / "DX0001.dcm")
    return 1


def write_echo(
    cine: NDArray[np.uint8], *, acquisition: EchoAcquisition, study: StudyHeader, series: SeriesHeader, folder: Path
) -> int:
    """Write the cine as a multi-frame JPEG object, as ultrasound machines send it; return 1."""
    ds = base_dataset(study, series, sop_class_uid=UltrasoundMultiFrameImageStorage, instance_number=1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0001"]  # transthoracic, 2D (PS3.3 C.8.5.6.1.1)
    ds.PatientOrientation = []
    ds.NumberOfFrames = len(cine)
    ds.FrameIncrementPointer = 0x00181063  # FrameTime
    ds.FrameTime = acquisition.frame_milliseconds
    ds.CineRate = ds.RecommendedDisplayFrameRate = round(1000 / acquisition.frame_milliseconds)
    ds.HeartRate = round(acquisition.heart_rate)
    ds.UltrasoundColorDataPresent = 0
    ds.SequenceOfUltrasoundRegions = [_sector_region(acquisition)]
    set_jpeg_pixels(ds, cine)
    write(ds, folder / "US0001.dcm", JPEGBaseline8Bit)
    return 1


def _sector_region(acquisition: EchoAcquisition) -> Dataset:
    """The sector in pixels and in centimetres (PS3.3 C.8.5.5)."""
    region = Dataset()
    left, top, right, bottom = acquisition.sector
    region.RegionSpatialFormat = 1  # 2D
    region.RegionDataType = 1  # tissue
    region.RegionFlags = 2  # sector
    region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
    region.ReferencePixelX0, region.ReferencePixelY0 = acquisition.apex[0] - left, acquisition.apex[1] - top
    region.ReferencePixelPhysicalValueX, region.ReferencePixelPhysicalValueY = 0.0, 0.0
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3  # cm
    region.PhysicalDeltaX = region.PhysicalDeltaY = acquisition.pixel / 10
    return region


def write_ecg(
    millivolts: NDArray[np.float64],
    *,
    acquisition: EcgAcquisition,
    study: StudyHeader,
    series: SeriesHeader,
    folder: Path,
) -> int:
    """Write a 12-lead ECG object; return 1."""
    ds = base_dataset(study, series, sop_class_uid=TwelveLeadECGWaveformStorage, instance_number=1)
    # A waveform has AcquisitionDateTime instead (PS3.3 A.34.3.4.1).
    del ds.AcquisitionDate, ds.AcquisitionTime
    ds.AcquisitionDateTime = study.performed_at.strftime("%Y%m%d%H%M%S")
    ds.AcquisitionContextSequence = []
    steps = np.clip(np.rint(millivolts * 1000 / _MICROVOLTS_PER_STEP), -32768, 32767).astype("<i2")
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels = len(LEADS)
    group.NumberOfWaveformSamples = steps.shape[1]
    group.SamplingFrequency = acquisition.sampling_frequency
    group.MultiplexGroupLabel = "RHYTHM"
    group.ChannelDefinitionSequence = [_channel(lead) for lead in LEADS]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.WaveformData = steps.T.tobytes()  # all leads of one moment stand together
    ds.WaveformSequence = [group]
    write(ds, folder / "ECG0001.dcm")
    return 1


_LEAD_CODES = {
    "I": "2:1", "II": "2:2", "III": "2:61", "aVR": "2:62", "aVL": "2:63", "aVF": "2:64",
    "V1": "2:3", "V2": "2:4", "V3": "2:5", "V4": "2:6", "V5": "2:7", "V6": "2:8",
}  # fmt: skip
"""PS3.16 CID 3001, scheme MDC in its older numeric form (SCPECG)."""


def _channel(lead: str) -> Dataset:
    channel = Dataset()
    channel.ChannelLabel = lead
    channel.ChannelSourceSequence = [coded(_LEAD_CODES[lead], "MDC", f"Lead {lead}")]
    channel.ChannelSensitivity = _MICROVOLTS_PER_STEP
    channel.ChannelSensitivityUnitsSequence = [coded("uV", "UCUM", "microvolt")]
    channel.ChannelSensitivityCorrectionFactor = 1
    channel.ChannelBaseline = 0
    channel.ChannelTimeSkew = 0
    channel.WaveformBitsStored = 16
    channel.FilterLowFrequency = 0.05
    channel.FilterHighFrequency = 150
    return channel
