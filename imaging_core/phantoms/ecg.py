"""A twelve-lead electrocardiogram in normal sinus rhythm, from sums of bell curves.

Only I, II and V1 to V6 are drawn; III and the augmented leads follow from them (Einthoven, Goldberger), so the
sums a cardiologist checks hold exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_WAVES = (("P", -0.165, 0.024), ("Q", -0.030, 0.0085), ("R", 0.0, 0.0115), ("S", 0.028, 0.0105), ("T", 0.285, 0.046))
"""Name, time after the R wave and width, in seconds; PR about 0.16, QRS about 0.09, QT about 0.39 s."""

_MILLIVOLTS = {
    "I": (0.09, -0.05, 0.75, -0.12, 0.22),
    "II": (0.14, -0.08, 1.15, -0.16, 0.31),
    "V1": (0.05, 0.0, 0.25, -0.95, -0.06),
    "V2": (0.07, 0.0, 0.45, -1.35, 0.32),
    "V3": (0.08, 0.0, 0.85, -0.85, 0.38),
    "V4": (0.09, -0.05, 1.45, -0.50, 0.38),
    "V5": (0.09, -0.09, 1.35, -0.22, 0.32),
    "V6": (0.09, -0.10, 1.05, -0.08, 0.26),
}


@dataclass(frozen=True, slots=True)
class EcgAcquisition:
    """How long and how finely the ECG is recorded."""

    seconds: float = 10.0
    sampling_frequency: float = 500.0
    heart_rate: float = 72.0
    seed: int = 1


def render_ecg(acquisition: EcgAcquisition) -> Doubles:
    """Return millivolts, shape (12, samples), in the order of `LEADS`."""
    rng = np.random.default_rng((acquisition.seed, 51))
    count = round(acquisition.seconds * acquisition.sampling_frequency)
    times = np.arange(count) / acquisition.sampling_frequency
    beats = _beats(acquisition, rng)
    drawn = {lead: _lead(times, beats, lead) + _disturbance(times, rng) for lead in _MILLIVOLTS}
    first, second = drawn["I"], drawn["II"]
    drawn |= {
        "III": second - first,
        "aVR": -(first + second) / 2,
        "aVL": first - second / 2,
        "aVF": second - first / 2,
    }
    return np.stack([drawn[lead] for lead in LEADS])


def lead_two(times: Doubles, heart_rate: float) -> Doubles:
    """Return a clean lead II at the given seconds, one R wave at every full cycle."""
    period = 60 / heart_rate
    beats = np.arange(-1, times.max() / period + 2) * period
    return _lead(times, beats, "II")


def _beats(acquisition: EcgAcquisition, rng: np.random.Generator) -> Doubles:
    """Times of the R waves; breathing makes healthy rhythm a little uneven."""
    period = 60 / acquisition.heart_rate
    count = int(acquisition.seconds / period) + 3
    steps = period * (1 + 0.025 * np.sin(np.arange(count) * 1.4) + rng.normal(0, 0.006, count))
    beats: Doubles = np.cumsum(steps) - period * 0.6 - period
    return beats


def _lead(times: Doubles, beats: Doubles, lead: str) -> Doubles:
    signal = np.zeros_like(times)
    for (_, after, width), height in zip(_WAVES, _MILLIVOLTS[lead], strict=True):
        for beat in beats:
            signal += height * np.exp(-(((times - beat - after) / width) ** 2) / 2)
    return signal


def _disturbance(times: Doubles, rng: np.random.Generator) -> Doubles:
    drift = 0.03 * np.sin(2 * np.pi * 0.23 * times + rng.uniform(0, 2 * np.pi))
    return np.asarray(drift + rng.normal(0, 0.006, times.shape), np.float64)
