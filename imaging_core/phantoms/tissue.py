"""A stained section of mucosa as under a microscope: glands with their nuclei in fibrous tissue, HE colours."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.geometry import Floats
from imaging_core.phantoms.noise import smooth_field

_HAEMATOXYLIN, _EOSIN = (0.56, 0.72, 0.41), (0.22, 0.80, 0.56)
"""Optical densities in red, green and blue (after Macenko 2009)."""
_GRID = 112.0
"""Mean distance of neighbouring glands, µm."""
_SUBPIXEL = 4
"""Bits after the point in coordinates of cv2."""


@dataclass(frozen=True, slots=True)
class MicroscopyAcquisition:
    """The picture of the camera on the microscope."""

    columns: int = 1280
    rows: int = 960
    pixel: float = 0.5
    """Size of a pixel in the section, µm."""
    seed: int = 1


def render_tissue(acquisition: MicroscopyAcquisition) -> NDArray[np.uint8]:
    """Return the picture, shape (rows, columns, 3), RGB."""
    rng = np.random.default_rng((acquisition.seed, 67))
    section = _Section(acquisition, rng)
    section.lay_stroma()
    for centre, radii, turn in _glands(acquisition, rng):
        section.lay_gland(centre, radii, turn)
    return section.seen()


def _glands(
    acquisition: MicroscopyAcquisition, rng: np.random.Generator
) -> list[tuple[tuple[float, float], tuple[float, float], float]]:
    """Return centre, radii and turn of each gland, µm and radians: a shaken, staggered grid beyond all edges."""
    width, height = acquisition.columns * acquisition.pixel, acquisition.rows * acquisition.pixel
    glands = []
    for row in range(-1, int(height / _GRID) + 3):
        for column in range(-1, int(width / _GRID) + 3):
            x, y = (column + 0.5 * (row % 2)) * _GRID, row * _GRID * 0.9
            shake = rng.uniform(-11, 11, 2)
            radii = (rng.uniform(33, 42), rng.uniform(28, 38))
            glands.append(((x + shake[0], y + shake[1]), radii, rng.uniform(0, np.pi)))
    return glands


class _Section:
    """How much of each stain every pixel holds."""

    def __init__(self, acquisition: MicroscopyAcquisition, rng: np.random.Generator) -> None:
        self._pixel, self._rng = acquisition.pixel, rng
        self._shape = acquisition.rows, acquisition.columns
        self._blue = np.full(self._shape, 0.10, np.float32)
        self._pink = np.zeros(self._shape, np.float32)
        self._nuclei = np.zeros(self._shape, np.uint8)

    def lay_stroma(self) -> None:
        """Fill everything with fibres and scatter round and spindle-shaped nuclei over it."""
        rng, pixel = self._rng, self._pixel
        self._pink += 0.34 + 0.09 * self._fibres()
        width, height = self._shape[1] * pixel, self._shape[0] * pixel
        for _ in range(int(width * height / 210)):
            place = rng.uniform(0, width), rng.uniform(0, height)
            spindle = rng.random() < 0.4
            radii = (rng.uniform(4.5, 6.5), 1.3) if spindle else (rng.uniform(2.3, 3.1),) * 2
            self._nucleus(place, radii, rng.uniform(0, np.pi), rng.uniform(0.55, 0.95))

    def _fibres(self) -> Floats:
        """Streaks that run in waves, zero on average."""
        rng, (rows, columns) = self._rng, self._shape
        streaks = cv2.resize(smooth_field(rng, (rows, max(columns // 14, 4)), 3 / self._pixel), (columns, rows))
        waves = smooth_field(rng, self._shape, 90 / self._pixel) * 34 / self._pixel
        column, row = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        fibres: Floats = cv2.remap(streaks, column, row + waves, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return fibres

    def lay_gland(self, centre: tuple[float, float], radii: tuple[float, float], turn: float) -> None:
        """Lay one gland over the stroma: cells with mucus around a hollow middle, nuclei along the outside."""
        reach = max(radii) * 1.25
        left, top = (int((middle - reach) / self._pixel) for middle in centre)
        right, bottom = (int((middle + reach) / self._pixel) + 1 for middle in centre)
        rows = slice(max(top, 0), min(bottom, self._shape[0]))
        columns = slice(max(left, 0), min(right, self._shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        level, angle = self._levels(rows, columns, centre, radii, turn)
        lobes = 0.06 * np.sin(3 * angle + turn * 7) + 0.04 * np.sin(5 * angle + turn * 3)
        level = level + lobes
        edge = self._pixel / min(radii)
        body = np.clip((1 - level) / edge, 0, 1)
        hollow = np.clip((0.30 + 1.5 * lobes - level) / (2 * edge), 0, 1)
        # Goblet cells: pale drops of mucus between the hollow and the nuclei.
        cells = round(np.pi * (radii[0] + radii[1]) / 14)
        mucus = np.clip(0.4 + np.cos(angle * cells + 2 * np.sin(2 * angle + turn)), 0, 1)
        mucus *= np.exp(-(((level - 0.58) / 0.17) ** 2))
        pink, blue = self._pink[rows, columns], self._blue[rows, columns]
        pink += body * (0.30 - 0.16 * mucus - pink)
        blue += body * (0.16 + 0.04 * mucus - blue)
        pink += hollow * (0.03 - pink)
        blue += hollow * (0.02 - blue)
        nuclei = self._nuclei[rows, columns]
        np.multiply(nuclei, 1 - body, out=nuclei, casting="unsafe")
        self._line_with_nuclei(centre, radii, turn)

    def seen(self) -> NDArray[np.uint8]:
        """Return the light that comes through, as the camera shows it."""
        rng, pixel = self._rng, self._pixel
        chromatin = 1 + 0.22 * smooth_field(rng, self._shape, max(1.2 / pixel, 1))
        share = cv2.GaussianBlur(self._nuclei, (0, 0), max(0.45 / pixel, 0.3)).astype(np.float32) / 255
        blue = self._blue + 1.15 * share * chromatin
        pink = self._pink * (1 - 0.35 * share)
        density = [blue * h + pink * e for h, e in zip(_HAEMATOXYLIN, _EOSIN, strict=True)]
        light = np.stack([246 * np.exp(-channel) for channel in density], axis=-1)
        noisy = light + rng.standard_normal(self._shape, dtype=np.float32)[:, :, None] * 1.5
        shown: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
        return shown

    def _levels(
        self,
        rows: slice,
        columns: slice,
        centre: tuple[float, float],
        radii: tuple[float, float],
        turn: float,
    ) -> tuple[Floats, Floats]:
        """How far out each pixel lies in the gland (0 middle, 1 edge), and in which direction."""
        x = np.arange(columns.start, columns.stop, dtype=np.float32) * self._pixel - centre[0]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] * self._pixel - centre[1]
        along = (x * np.cos(turn) + y * np.sin(turn)) / radii[0]
        across = (y * np.cos(turn) - x * np.sin(turn)) / radii[1]
        return np.hypot(along, across), np.arctan2(across, along)

    def _line_with_nuclei(self, centre: tuple[float, float], radii: tuple[float, float], turn: float) -> None:
        rng = self._rng
        count = round(np.pi * (radii[0] + radii[1]) / 5.2)
        for index in range(count):
            angle = 2 * np.pi * (index + rng.uniform(-0.25, 0.25)) / count
            out = rng.uniform(0.84, 0.94)
            along, across = radii[0] * out * np.cos(angle), radii[1] * out * np.sin(angle)
            place = (
                centre[0] + along * np.cos(turn) - across * np.sin(turn),
                centre[1] + along * np.sin(turn) + across * np.cos(turn),
            )
            outwards = float(np.arctan2(place[1] - centre[1], place[0] - centre[0]))
            self._nucleus(place, (rng.uniform(3.2, 4.2), rng.uniform(1.8, 2.4)), outwards, rng.uniform(0.7, 1.0))

    def _nucleus(self, place: tuple[float, float], radii: tuple[float, float], turn: float, depth: float) -> None:
        unit = (1 << _SUBPIXEL) / self._pixel
        middle = round(place[0] * unit), round(place[1] * unit)
        axes = max(round(radii[0] * unit), 4), max(round(radii[1] * unit), 4)
        cv2.ellipse(
            self._nuclei, middle, axes, float(np.rad2deg(turn)), 0, 360, depth * 255, -1, cv2.LINE_AA, _SUBPIXEL
        )
