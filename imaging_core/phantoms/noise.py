"""Noise and texture: what makes a drawing look like a measurement."""

import cv2
import numpy as np

from imaging_core.phantoms.geometry import Floats


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Floats:
    """Return a random field of zero mean and unit deviation whose lumps measure about `scale` pixels."""
    step = max(1, int(scale / 2))
    coarse = rng.standard_normal((shape[0] // step + 4, shape[1] // step + 4), dtype=np.float32)
    coarse = cv2.GaussianBlur(coarse, (0, 0), max(scale / step / 2, 0.3))
    field = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    normal: Floats = (field - field.mean()) / max(float(field.std()), 1e-6)
    return normal


class CtNoise:
    """Noise of a filtered back projection: grainy, correlated over about two pixels, without slow drift.

    A few tiles are filtered once; every slice takes two of them, shifted and mirrored, so no two
    slices share their noise.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], tiles: int = 6) -> None:
        self._rng = rng
        self._tiles = [_filtered_tile(rng, shape) for _ in range(tiles)]

    def slice(self) -> Floats:
        """Return one slice of noise with unit deviation."""
        first, second = self._rng.choice(len(self._tiles), 2, replace=False)
        noise: Floats = (self._shifted(int(first)) + self._shifted(int(second))) * np.float32(np.sqrt(0.5))
        return noise

    def _shifted(self, index: int) -> Floats:
        tile = self._tiles[index]
        down, right = self._rng.integers(0, tile.shape[0]), self._rng.integers(0, tile.shape[1])
        moved = np.roll(tile, (int(down), int(right)), axis=(0, 1))
        return moved[::-1] if self._rng.integers(2) else moved[:, ::-1]


def _filtered_tile(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    # The ramp filter lifts fine grain, the soft kernel takes it down again towards the Nyquist frequency.
    spectrum *= (radius + 0.03) * np.exp(-((radius / 0.22) ** 2))
    tile = np.fft.irfft2(spectrum, s=shape).astype(np.float32)
    normal: Floats = tile / tile.std()
    return normal
