"""A head MR: scalp, skull, folded grey and white matter, ventricles, a few white-matter dots; T1 and T2 signal.

x grows to the patient's left, y to the back, z to the head; z = 0 is the level of the lateral ventricles.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.geometry import Floats, Node, Point, coverage, ellipsoid, profile, smooth_union, tube
from imaging_core.phantoms.noise import smooth_field

Paint = Callable[[Floats, "Tissue"], None]


class Weighting(StrEnum):
    """What the contrast of a series comes from."""

    T1 = "T1"
    T2 = "T2"


class Tissue(IntEnum):
    """Tissues told apart by their signal."""

    AIR = 0
    SKIN_FAT = 1
    MUSCLE = 2
    BONE = 3
    MARROW = 4
    FLUID = 5
    GREY = 6
    WHITE = 7
    DEEP_GREY = 8
    LESION = 9
    EYE = 10


_SIGNAL = {
    Weighting.T1: (8, 900, 380, 40, 620, 150, 430, 590, 480, 400, 140),
    Weighting.T2: (8, 600, 210, 30, 400, 1350, 640, 400, 500, 900, 1300),
}


@dataclass(frozen=True, slots=True)
class HeadAnatomy:
    """One person's head; the same seed gives the same folds."""

    seed: int
    lesions: Sequence[tuple[Point, float]] = ()
    """Centres and diameters (mm) of white-matter spots."""
    atrophy: float = 0.0
    """0 young, 1 old: wider ventricles and sulci."""


@dataclass(frozen=True, slots=True)
class HeadAcquisition:
    """A stack of axial slices."""

    size: int = 256
    pixel_spacing: float = 0.9
    slices: int = 24
    slice_spacing: float = 6.0
    lowest: float = -62.0
    seed: int = 1


def render_head(anatomy: HeadAnatomy, acquisition: HeadAcquisition, weighting: Weighting) -> NDArray[np.uint16]:
    """Return one series, shape (slices, rows, columns), feet first, in arbitrary signal units."""
    half = (acquisition.size - 1) / 2
    line = (np.arange(acquisition.size, dtype=np.float32) - half) * acquisition.pixel_spacing
    x, y = np.meshgrid(line, line)
    rng = np.random.default_rng((acquisition.seed, list(Weighting).index(weighting)))
    shade = smooth_field(rng, x.shape, acquisition.size / 2)
    volume = np.empty((acquisition.slices, acquisition.size, acquisition.size), np.uint16)
    folds = _Folds(anatomy.seed, x.shape, acquisition.pixel_spacing)
    for index in range(acquisition.slices):
        z = acquisition.lowest + index * acquisition.slice_spacing
        slice_ = _HeadSlice(anatomy, x, y, z, acquisition.pixel_spacing, folds.at(z))
        signal = slice_.signal(_SIGNAL[weighting]) * (1 + 0.04 * shade)
        volume[index] = _magnitude(signal, rng, 11.0)
    return volume


def _magnitude(signal: Floats, rng: np.random.Generator, deviation: float) -> NDArray[np.uint16]:
    """Blur to the resolution of the scan and add noise to both channels: the background becomes Rician."""
    blurred = cv2.GaussianBlur(signal.astype(np.float32), (0, 0), 0.55)
    real = blurred + rng.normal(0, deviation, signal.shape)
    imaginary = rng.normal(0, deviation, signal.shape)
    magnitude: NDArray[np.uint16] = np.clip(np.rint(np.hypot(real, imaginary)), 0, 4095).astype(np.uint16)
    return magnitude


class _Folds:
    """Smooth fields whose zero lines are the sulci; they drift slowly with height."""

    def __init__(self, seed: int, shape: tuple[int, int], pixel: float) -> None:
        rng = np.random.default_rng((seed, 5))
        self._fields = [smooth_field(rng, shape, 11.5 / pixel) for _ in range(6)]

    def at(self, z: float) -> Floats:
        """Return the field at one height."""
        place = (z / 14) % len(self._fields)
        first, share = int(place), place - int(place)
        following = self._fields[(first + 1) % len(self._fields)]
        field: Floats = self._fields[first] * np.float32(np.sqrt(1 - share)) + following * np.float32(np.sqrt(share))
        return field


class _HeadSlice:
    def __init__(self, anatomy: HeadAnatomy, x: Floats, y: Floats, z: float, pixel: float, folds: Floats) -> None:
        self._anatomy, self._x, self._y, self._z, self._pixel = anatomy, x, y, z, pixel
        self._folds = folds

    def signal(self, table: Sequence[int]) -> Floats:
        """Return the signal of the slice for one weighting."""
        image = np.full(self._x.shape, table[Tissue.AIR], np.float32)

        def paint(distance: Floats, tissue: Tissue) -> None:
            share = coverage(distance, self._pixel)
            image[...] += share * (table[tissue] - image)

        brain = self._brain()
        head = self._head(brain)
        paint(head, Tissue.SKIN_FAT)
        if self._z < -20:
            self._paint_face(paint, head, brain)
        paint(np.maximum(brain - 10.5, head + 3), Tissue.BONE)
        paint(np.maximum(np.abs(brain - 7.2) - 1.4, head + 5), Tissue.MARROW)
        paint(brain - 3.2, Tissue.FLUID)
        self._paint_cerebrum(paint, brain)
        self._paint_depth(paint)
        self._paint_hindbrain(paint, brain)
        for centre, diameter in self._anatomy.lesions:
            radius = diameter / 2
            paint(
                ellipsoid(self._x, self._y, self._z, center=centre, radii=(radius, radius * 1.15, 4.5)), Tissue.LESION
            )
        return image

    def _brain(self) -> Floats:
        front = np.clip(-self._y / 85, 0, 1)
        upper = ellipsoid(self._x * (1 + 0.16 * front**2), self._y, self._z, center=(0, 2, 0), radii=(67, 84, 76))
        if self._z > -34:
            return upper
        fossa = ellipsoid(self._x, self._y, self._z, center=(0, 34, -44), radii=(54, 42, 34))
        temporal = ellipsoid(np.abs(self._x), self._y, self._z, center=(42, -14, -36), radii=(24, 34, 27))
        return np.minimum(fossa, temporal)

    def _head(self, brain: Floats) -> Floats:
        around = float(profile(self._z, (-62, -30, 0, 70, 92), (0.86, 0.97, 1, 1, 1)))
        skin = ellipsoid(self._x / around, self._y, self._z, center=(0, 0, -10), radii=(84, 102, 106))
        face = ellipsoid(self._x, self._y, self._z, center=(0, -48, -70), radii=(60, 54, 62))
        return smooth_union(np.maximum(brain - 15.5, skin - 9), face, 16)

    def _paint_face(self, paint: Paint, head: Floats, brain: Floats) -> None:
        x, y, z = self._x, self._y, self._z
        paint(np.maximum(head + 5, 3 - brain), Tissue.MUSCLE)
        side = np.abs(x)
        paint(ellipsoid(side, y, z, center=(31, -70, -38), radii=(20, 26, 17)), Tissue.SKIN_FAT)  # orbit
        paint(ellipsoid(side, y, z, center=(31, -78, -38), radii=(12.3, 12.3, 12.3)), Tissue.EYE)
        paint(ellipsoid(side, y, z, center=(31, -87, -38), radii=(5, 2.6, 5)), Tissue.MUSCLE)
        paint(tube(side, y, z, (Node(30, -66, -38, 2), Node(12, -34, -34, 2))), Tissue.WHITE)  # optic nerve
        paint(ellipsoid(side, y, z, center=(10, -62, -46), radii=(7, 24, 20)), Tissue.BONE)  # ethmoid cells
        paint(ellipsoid(side, y, z, center=(10, -62, -46), radii=(5, 22, 18)), Tissue.AIR)
        paint(ellipsoid(side, y, z, center=(52, 20, -54), radii=(9, 14, 16)), Tissue.BONE)  # mastoid
        paint(ellipsoid(side, y, z, center=(54, 22, -54), radii=(5, 8, 10)), Tissue.AIR)

    def _paint_cerebrum(self, paint: Paint, brain: Floats) -> None:
        if self._z < -62:
            return
        slope_down, slope_right = np.gradient(self._folds, self._pixel)
        to_sulcus = np.abs(self._folds) / np.maximum(np.hypot(slope_down, slope_right), 0.03)
        depth = -brain
        # Sulci reach 8 to 20 mm into the brain and close towards their ground.
        reach = 23 + 7 * np.sin(self._x / 17) * np.cos(self._y / 21)
        open_ = (0.7 + 0.9 * self._anatomy.atrophy) * np.clip(1 - depth / reach, -1, 1)
        sulcus = np.where(depth < reach, to_sulcus - open_, depth - reach + to_sulcus)
        fissure = np.abs(self._x) - np.where((np.abs(self._y) > 42) | (self._z > 30), 0.9, -5)
        sylvian = self._sylvian()
        surface = np.minimum(np.minimum(np.minimum(depth, sulcus), np.maximum(fissure, -40)), sylvian)
        paint(brain, Tissue.GREY)
        paint(np.maximum(brain, 3.5 - surface).astype(np.float32), Tissue.WHITE)
        fluid = np.minimum(np.where(depth < reach, to_sulcus - open_, 9.0), np.minimum(fissure, sylvian))
        paint(np.maximum(brain, fluid).astype(np.float32), Tissue.FLUID)

    def _sylvian(self) -> Floats:
        side = np.abs(self._x)
        path = (Node(64, -26, -4, 2.4), Node(44, -22, -4, 2.0), Node(40, 2, -2, 1.8), Node(46, 22, 8, 1.4))
        return tube(side, self._y, self._z, path)

    def _paint_depth(self, paint: Paint) -> None:
        x, y, z, side = self._x, self._y, self._z, np.abs(self._x)
        paint(ellipsoid(side, y, z, center=(24, 2, -4), radii=(9, 20, 14)), Tissue.DEEP_GREY)  # putamen, pallidum
        paint(ellipsoid(side, y, z, center=(10, 16, -2), radii=(9.5, 15, 12)), Tissue.DEEP_GREY)  # thalamus
        paint(ellipsoid(side, y, z, center=(14, -22, 2), radii=(6, 10, 14)), Tissue.DEEP_GREY)  # head of caudate
        wide = 1 + 0.45 * self._anatomy.atrophy
        horn = (
            Node(6, -32, 0, 3.4 * wide), Node(8, -20, 8, 3.6 * wide), Node(7, 4, 18, 3.4 * wide),
            Node(13, 26, 14, 4.6 * wide), Node(22, 40, 4, 4.0 * wide), Node(26, 58, 2, 2.2 * wide),
        )  # fmt: skip
        paint(tube(side, y, z, horn), Tissue.FLUID)
        paint(ellipsoid(x, y, z, center=(0, 14, -10), radii=(2.2 * wide, 14, 12)), Tissue.FLUID)  # third ventricle
        choroid = ellipsoid(side, y, z, center=(17, 32, 10), radii=(2.6, 5, 4))
        paint(choroid, Tissue.DEEP_GREY)

    def _paint_hindbrain(self, paint: Paint, brain: Floats) -> None:
        if self._z > -22:
            return
        x, y, z = self._x, self._y, self._z
        cerebellum = ellipsoid(np.abs(x), y, z, center=(24, 42, -46), radii=(28, 30, 26))
        cerebellum = np.maximum(cerebellum, brain + 1.5)
        folia = np.sin(np.hypot(x * 0.9, y - 8) / 1.35 + 0.4 * self._folds)
        paint(cerebellum, Tissue.GREY)
        paint(np.maximum(cerebellum + 4, 2.2 - 3.2 * folia - (cerebellum + 16) * -0.12), Tissue.WHITE)
        paint(cerebellum + 16, Tissue.WHITE)
        stem = ellipsoid(x, y, z, center=(0, 8, -52), radii=(16, 14, 36))
        paint(np.maximum(stem - np.float32(profile(self._z, (-34, -26), (3.5, -3))), brain - 2), Tissue.FLUID)
        paint(stem, Tissue.WHITE)
        paint(ellipsoid(x, y, z, center=(0, 25, -46), radii=(6, 4, 14)), Tissue.FLUID)  # fourth ventricle
