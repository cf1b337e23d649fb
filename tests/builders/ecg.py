"""Electrocardiograms as DICOM instances."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from imaging_core.phantoms.ecg import LEADS, EcgAcquisition, render_ecg
from tests.builders.dicom import ct_instance

TWELVE_LEAD_ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
_MICROVOLTS_A_STEP = 4.88
NO_PICTURE = dict.fromkeys(
    [
        "PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PixelSpacing", "BitsAllocated",
        "BitsStored", "HighBit", "PixelRepresentation", "RescaleIntercept", "RescaleSlope", "ImagePositionPatient",
        "ImageOrientationPatient", "SliceThickness",
    ]
)  # fmt: skip


def ecg_of(
    steps: np.ndarray,
    leads: Sequence[str],
    *,
    sensitivity: float = 1.0,
    unit: str = "uV",
    samples_per_second: float = 500,
    **overrides: Any,
) -> bytes:
    """Return an ECG of these stored values, shape (samples, leads); one step is `sensitivity` of `unit`."""
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformSamples, group.NumberOfWaveformChannels = steps.shape
    group.SamplingFrequency = samples_per_second
    group.ChannelDefinitionSequence = [_channel(lead, sensitivity, unit) for lead in leads]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.WaveformData = steps.astype("<i2").tobytes()
    values: dict[str, Any] = {"SOPClassUID": TWELVE_LEAD_ECG, "Modality": "ECG", "WaveformSequence": [group]}
    return ct_instance(window=None, **{**NO_PICTURE, **values, **overrides})


@cache
def _steps() -> np.ndarray:
    return np.rint(render_ecg(EcgAcquisition()).T * 1000 / _MICROVOLTS_A_STEP)


def ecg_instance(**overrides: Any) -> bytes:
    """Return a normal twelve-lead ECG of ten seconds."""
    return ecg_of(_steps(), LEADS, sensitivity=_MICROVOLTS_A_STEP, **overrides)


def _channel(lead: str, sensitivity: float, unit: str) -> Dataset:
    channel, unit_code = Dataset(), Dataset()
    unit_code.CodeValue, unit_code.CodingSchemeDesignator, unit_code.CodeMeaning = unit, "UCUM", unit
    channel.ChannelLabel = lead
    channel.ChannelSensitivity = sensitivity
    channel.ChannelSensitivityUnitsSequence = [unit_code]
    channel.ChannelSensitivityCorrectionFactor = 1
    channel.ChannelBaseline = 0
    channel.WaveformBitsStored = 16
    return channel
