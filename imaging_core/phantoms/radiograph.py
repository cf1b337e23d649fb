"""A chest radiograph computed from a CT: line integrals, detector response, edge enhancement."""

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.geometry import Floats

_WATER = 0.0185
"""Attenuation of water per mm for a chest beam (125 kV with added filtration)."""
_BITS = 12


def project_chest(
    volume: NDArray[np.int16], *, spacing: tuple[float, float, float], table_row: int, pixel: float, seed: int
) -> NDArray[np.uint16]:
    """Return a PA chest radiograph of a CT, 12 bits, bone white (MONOCHROME2).

    `volume` has shape (slices, rows, columns), feet first, in HU; `spacing` is (slice, row, column) in mm. Rows from
    `table_row` on (the table) are left out. `pixel` is the pixel size wanted, mm. The image is seen as a radiologist
    hangs it: the patient's right on the left of the picture.
    """
    column, row, slice_spacing = spacing[2], spacing[1], spacing[0]
    depth = np.stack([_attenuation(image[:table_row], row) for image in volume])
    upright = depth[::-1]
    shape = (round(upright.shape[1] * column / pixel), round(upright.shape[0] * slice_spacing / pixel))
    line = cv2.resize(upright, shape, interpolation=cv2.INTER_CUBIC)
    line = _with_quantum_noise(line, np.random.default_rng((seed, 21)))
    return _processed(line, pixel)


def _attenuation(image: NDArray[np.int16], row: float) -> Floats:
    density = np.maximum(image.astype(np.float32) / 1000 + 1, 0)
    # Bone attenuates more than its CT number says, for its calcium.
    density += 0.55 * np.clip(image / 1000 - 0.15, 0, None)
    line: Floats = density.sum(axis=0, dtype=np.float32) * np.float32(_WATER * row)
    return line


def _with_quantum_noise(line: Floats, rng: np.random.Generator) -> Floats:
    photons = 1.0e5 * np.exp(-line)
    noise = cv2.GaussianBlur(rng.standard_normal(line.shape, dtype=np.float32), (0, 0), 0.7) * 2.0
    noisy: Floats = line + noise / np.sqrt(photons + 60)
    return noisy


def _processed(line: Floats, pixel: float) -> NDArray[np.uint16]:
    """Log image, large-scale contrast pressed together, edges lifted: what a digital detector's software does."""
    broad = cv2.GaussianBlur(line, (0, 0), 18 / pixel)
    fine = line - cv2.GaussianBlur(line, (0, 0), 1.2 / pixel)
    shown = line - 0.35 * (broad - float(np.median(broad))) + 0.9 * fine
    low, high = np.percentile(shown, (2, 99.6))
    scaled = (shown - low) / (high - low)
    curve = np.clip(scaled, 0, 1.05) ** 1.25 * 3700 + 150
    image: NDArray[np.uint16] = np.clip(curve, 0, 2**_BITS - 1).astype(np.uint16)
    return image
