"""Electrocardiograms as numbers: the leads of a waveform object in microvolts (PS3.3 C.10.9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.waveforms.numpy_handler import multiplex_array

from imaging_core.dicom.frames import open_dataset
from imaging_core.errors import PixelsNotReadable, WaveformNotReadable

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""Of an instance that is drawn: minutes of twelve leads. A day's recording is for the cardiologist's own program."""

_MICROVOLTS: Final = {"uV": 1.0, "mV": 1000.0, "V": 1_000_000.0}
"""A unit of UCUM, in microvolts. Another one, or none, is never guessed."""
_STANDARD: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_NUMBERS: Final = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)
_BY_CODE: Final = {
    (scheme, f"{prefix}{number}"): lead
    for scheme, prefix in (("MDC", "2:"), ("SCPECG", "5.6.3-9-"))
    for lead, number in zip(_STANDARD, _NUMBERS, strict=True)
}
"""PS3.16 CID 3001 in its two numeric forms."""


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead: its name, and its samples in microvolts, shape (samples,)."""

    name: str
    microvolts: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Filters:
    """Between which frequencies the device let the signal through, and which it cut out; None: it does not say."""

    low_hz: float | None
    high_hz: float | None
    notch_hz: float | None


@dataclass(frozen=True, slots=True)
class Ecg:
    """All leads of one recording; the twelve standard ones first and in their order."""

    samples_per_second: float
    leads: tuple[Lead, ...]
    filters: Filters | None = None
    """Those that all leads share; None where they differ or nothing is said."""


def read_ecg(content: bytes, transfer_syntax_uid: str) -> Ecg:
    """Return the recorded (not averaged) leads of an instance.

    Raises:
        WaveformNotReadable: It holds none, or they cannot be shown to scale: unit, sensitivity or rate are missing.
    """
    if len(content) > LARGEST_BYTES:
        raise WaveformNotReadable("too_long", f"{len(content)} bytes are more than is drawn")
    try:
        dataset = open_dataset(content, transfer_syntax_uid)
        return _ecg(dataset)
    except (WaveformNotReadable, MemoryError):
        raise
    except PixelsNotReadable as error:
        raise WaveformNotReadable(error.reason_code, str(error)) from error
    except Exception as error:  # a foreign file may be wrong in any way; it is kept all the same
        raise WaveformNotReadable("not_parsed", f"the waveform cannot be read: {type(error).__name__}") from error


def in_standard_order(leads: Sequence[Lead]) -> tuple[Lead, ...]:
    """Return the twelve standard leads first and in their order, then the others."""
    known = {lead: position for position, lead in enumerate(_STANDARD)}
    return tuple(sorted(leads, key=lambda lead: known.get(lead.name, len(known))))


def _ecg(dataset: Dataset) -> Ecg:
    if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2":
        raise WaveformNotReadable("big_endian", "samples in big endian are not drawn")
    groups = list(dataset.get("WaveformSequence") or [])
    recorded = [index for index, group in enumerate(groups) if group.get("WaveformOriginality") != "DERIVED"]
    if not recorded:
        raise WaveformNotReadable("no_recording", "there is no recorded waveform")
    longest = max(recorded, key=lambda index: int(groups[index].NumberOfWaveformSamples))
    group = groups[longest]
    rate = float(group.SamplingFrequency)
    if not 0 < rate < 100_000:
        raise WaveformNotReadable("no_rate", "the sampling frequency says nothing")
    channels = list(group.ChannelDefinitionSequence)
    scales = [_scale(channel) for channel in channels]  # before pydicom takes 1 for a missing one
    samples = multiplex_array(dataset, longest, as_raw=False)
    if samples.shape[0] == 0 or samples.shape[1] != len(channels):
        raise WaveformNotReadable("channels", "the channels are not described one by one")
    microvolts = np.rint(samples * scales).astype(np.int32)
    leads = [Lead(_name(channel), microvolts[:, index]) for index, channel in enumerate(channels)]
    return Ecg(rate, in_standard_order(leads), _filters(channels))


def _filters(channels: Sequence[Dataset]) -> Filters | None:
    keywords = ("FilterLowFrequency", "FilterHighFrequency", "NotchFilterFrequency")
    said = {
        tuple(None if channel.get(name) is None else float(channel[name].value) for name in keywords)
        for channel in channels
    }
    if len(said) != 1:
        return None
    low, high, notch = said.pop()
    return None if low is high is notch is None else Filters(low, high, notch)


def _scale(channel: Dataset) -> float:
    if channel.get("ChannelSensitivity") is None:
        raise WaveformNotReadable("no_sensitivity", "a channel does not say what a step means")
    unit = _code(channel, "ChannelSensitivityUnitsSequence")[1]
    if unit not in _MICROVOLTS:
        raise WaveformNotReadable("no_unit", "a channel is not in volts")
    return _MICROVOLTS[unit]


def _name(channel: Dataset) -> str:
    """Return the lead's short name: by its code, else as the device wrote it, without a title."""
    coded = _BY_CODE.get(_code(channel, "ChannelSourceSequence"))
    if coded:
        return coded
    meaning = _first(channel, "ChannelSourceSequence").get("CodeMeaning", "")
    written = str(channel.get("ChannelLabel") or meaning or "?").removeprefix("Lead ").strip()
    return next((lead for lead in _STANDARD if lead.lower() == written.lower()), written[:32])


def _code(channel: Dataset, sequence: str) -> tuple[str, str]:
    item = _first(channel, sequence)
    return str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))


def _first(channel: Dataset, sequence: str) -> Dataset:
    return next(iter(channel.get(sequence) or []), Dataset())
