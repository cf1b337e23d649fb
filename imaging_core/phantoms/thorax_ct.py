"""A chest CT: lungs with their trees, rendered slice by slice into Hounsfield units."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.canvas import Canvas
from imaging_core.phantoms.geometry import Floats, Point, coverage, profile
from imaging_core.phantoms.lung_trees import LungTrees, grow_lung_trees
from imaging_core.phantoms.noise import CtNoise, smooth_field
from imaging_core.phantoms.thorax_anatomy import ThoraxAnatomy
from imaging_core.phantoms.thorax_bones import paint_ribs, paint_shoulders, paint_spine, paint_sternum
from imaging_core.phantoms.thorax_soft import AIR, BLOOD, Wall, paint_abdomen, paint_mediastinum, paint_wall
from imaging_core.phantoms.vessel_tree import rasterise


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a chest is scanned: the grid, and how the patient lies on the table."""

    rows: int = 512
    columns: int = 512
    slices: int = 320
    pixel_spacing: float = 0.7
    slice_spacing: float = 1.0
    lowest: float = -16.0
    """Height of the lowest slice in the patient, mm."""
    centre: tuple[float, float] = (0.0, 0.0)
    """Patient x and y in the middle of the image: the patient never lies twice in the same place."""
    roll: float = 0.0
    """Turn of the patient about his long axis, degrees."""
    noise: float = 12.0
    """Standard deviation in soft tissue, HU."""
    table: bool = True
    table_depth: float = 111.0
    """How far the table top lies below the middle of the image, mm."""
    seed: int = 1
    thin_slices: int = 1
    """How many thin slices are averaged into one; a thick slice needs several to blur what it cuts obliquely."""
    detail: float = 1.0
    """Share of the vessels that is drawn; small test volumes need few."""

    def position(self, point: Point) -> Point:
        """Return where a patient point lies: column, row, slice (fractions of a voxel, slice 0 lowest)."""
        turn = np.deg2rad(self.roll)
        x, y = point[0] - self.centre[0], point[1] - self.centre[1]
        right = x * np.cos(turn) - y * np.sin(turn)
        down = x * np.sin(turn) + y * np.cos(turn)
        return (
            float(right / self.pixel_spacing + (self.columns - 1) / 2),
            float(down / self.pixel_spacing + (self.rows - 1) / 2),
            float((point[2] - self.lowest) / self.slice_spacing),
        )


def render_thorax(
    anatomy: ThoraxAnatomy, acquisition: Acquisition, progress: Callable[[int], None] | None = None
) -> NDArray[np.int16]:
    """Return the scanned chest, shape (slices, rows, columns), feet first, in HU.

    Memory: the result plus three volumes of a byte a voxel. `progress` is told the number of finished slices.

    Raises:
        ValueError: the image lies wholly in front of the body or behind it.
    """
    scene = _Scene(anatomy, acquisition)
    volume = np.empty((acquisition.slices, acquisition.rows, acquisition.columns), np.int16)
    for index in range(acquisition.slices):
        volume[index] = scene.slice(index)
        if progress:
            progress(index + 1)
    return volume


class _Scene:
    def __init__(self, anatomy: ThoraxAnatomy, acquisition: Acquisition) -> None:
        self._anatomy, self._acquisition = anatomy, acquisition
        shape = (acquisition.rows, acquisition.columns)
        pixel = acquisition.pixel_spacing
        right = (np.arange(shape[1], dtype=np.float32) - (shape[1] - 1) / 2) * pixel
        down = (np.arange(shape[0], dtype=np.float32) - (shape[0] - 1) / 2) * pixel
        self._right, self._down = np.meshgrid(right, down)
        turn = np.deg2rad(acquisition.roll)
        self._x = (self._right * np.cos(turn) + self._down * np.sin(turn) + acquisition.centre[0]) / anatomy.scale
        self._y = (-self._right * np.sin(turn) + self._down * np.cos(turn) + acquisition.centre[1]) / anatomy.scale
        # Only the rows of the body are painted; above and below there is air.
        inside = np.flatnonzero((np.abs(self._y) < 120).any(axis=1))
        if not inside.size:
            raise ValueError("no row of the image meets the body")
        even = (inside[-1] + 1 - inside[0]) // 2 * 2
        self._rows = slice(inside[0], inside[0] + even)
        self._x, self._y = self._x[self._rows].astype(np.float32), self._y[self._rows].astype(np.float32)
        self._pixel = pixel / anatomy.scale
        self._coarse = (_halve(self._x), _halve(self._y))
        self._dome = anatomy.diaphragm(self._x, self._y)
        self._wall = Wall(anatomy, *self._coarse)
        rng = np.random.default_rng((anatomy.seed, 7))
        self._textures = [smooth_field(rng, self._x.shape, 9 / pixel) for _ in range(8)]
        self._noise_rng = np.random.default_rng((acquisition.seed, 11))
        self._noise = CtNoise(self._noise_rng, shape)
        self._vessels, self._walls, self._lumens = self._draw_trees(grow_lung_trees(anatomy, acquisition.detail))

    def slice(self, index: int) -> NDArray[np.int16]:
        """Return one slice, the mean of as many thin ones as a thick slice needs."""
        spacing = self._acquisition.slice_spacing
        thin = self._acquisition.thin_slices
        image = np.full(self._right.shape, AIR, np.float32)
        body = np.zeros_like(self._x)
        for part in range(thin):
            offset = ((part + 0.5) / thin - 0.5) * spacing
            body += self._paint((self._acquisition.lowest + index * spacing + offset) / self._anatomy.scale, index)
        image[self._rows] = body / thin
        return self._measure(image, index)

    def _paint(self, z: float, index: int) -> Floats:
        anatomy = self._anatomy
        canvas = Canvas(np.full_like(self._x, AIR), self._x, self._y, z, self._pixel)
        texture = self._texture(z)
        # Distances vary smoothly: half the resolution is enough for the large ones.
        rib_cage, skin = anatomy.cavity(*self._coarse, z), anatomy.body(*self._coarse, z)
        muscles = self._refine(self._wall.muscles(skin, rib_cage, _halve(texture), z))
        cavity = self._refine(rib_cage)
        paint_wall(canvas, self._refine(skin), muscles, cavity, texture)
        paint_shoulders(canvas, cavity)
        canvas.paint(cavity, -95.0 + 6 * texture)
        lung = self._refine(anatomy.lung(*self._coarse, z))
        self._paint_lung(canvas, lung, texture)
        middle = canvas.window(-112, 112, -105, 100)
        if middle is not None:
            grain = self._texture(z + 40)[: middle.image.shape[0], : middle.image.shape[1]]
            paint_mediastinum(middle, anatomy, grain)
        if z < 122 + anatomy.breath:
            paint_abdomen(canvas, anatomy, cavity, self._dome, texture)
        paint_ribs(canvas, cavity, texture)
        paint_sternum(canvas, cavity)
        paint_spine(canvas, anatomy, self._texture(z * 3))
        self._paint_trees(canvas, lung, index)
        for nodule in anatomy.nodules:
            radius = nodule.diameter / 2 / anatomy.scale
            canvas.paint_ellipsoid(nodule.centre, (radius, radius, radius), nodule.hu)
        return canvas.image

    def _paint_lung(self, canvas: Canvas, lung: Floats, texture: Floats) -> None:
        # Lying on the back, the lung is denser behind.
        tissue = -862 + 0.32 * canvas.y + 9 * texture
        canvas.paint(lung, tissue)
        oblique = self._anatomy.oblique_fissure(canvas.x, canvas.y, canvas.z)
        edge = lung + 1
        canvas.paint(np.maximum(np.abs(oblique) - self._pixel / 2, edge), -560.0, strength=0.6)
        level = self._anatomy.horizontal_fissure(canvas.x, canvas.y, canvas.z)
        right_upper = np.maximum(np.maximum(edge, canvas.x + 8), -oblique)
        canvas.paint(np.maximum(np.abs(level) - self._pixel / 2, right_upper), -620.0, strength=0.5)

    def _paint_trees(self, canvas: Canvas, lung: Floats, index: int) -> None:
        near = np.clip((12 - lung) / 4, 0, 1) / 255
        canvas.image[...] += self._vessels[index, self._rows] * near * (BLOOD - 3 - canvas.image)
        inside = np.clip((7 - lung) / 4, 0, 1) / 255
        canvas.image[...] += self._walls[index, self._rows] * inside * (10 - canvas.image)
        canvas.image[...] += self._lumens[index, self._rows] * inside * (-965 - canvas.image)

    def _refine(self, coarse: Floats) -> Floats:
        fine: Floats = cv2.resize(coarse, self._x.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return fine

    def _measure(self, image: Floats, index: int) -> NDArray[np.int16]:
        acquisition = self._acquisition
        if acquisition.table:
            self._paint_table(image)
        sigma = 0.42 / acquisition.pixel_spacing
        image = cv2.GaussianBlur(image, (0, 0), sigma)
        if acquisition.noise:
            z = (acquisition.lowest + index * acquisition.slice_spacing) / self._anatomy.scale
            image = image + self._quantum_noise(image, z) * acquisition.noise
        return np.clip(np.rint(image), -1024, 3071).astype(np.int16)

    def _quantum_noise(self, image: Floats, z: float) -> Floats:
        """Noise in units of its soft-tissue deviation: less in air, streaks along the line of the shoulders."""
        strength = np.clip(0.62 + 0.38 * (image + 900) / 900, 0.45, 1.0)
        streaks = cv2.blur(self._noise.slice(), (81, 1)) * np.float32(8 * profile(z, (235, 280), (0, 0.6)))
        noise: Floats = (self._noise.slice() + streaks) * strength
        return noise

    def _paint_table(self, image: Floats) -> None:
        top = self._down - self._acquisition.table_depth + 0.0008 * self._right**2
        inside = np.abs(self._right) - 205
        for depth, thickness, hu in ((0.0, 1.6, -180.0), (0.0, 24.0, -940.0), (22.4, 1.6, -180.0)):
            sheet = np.maximum(np.maximum(depth - top, top - depth - thickness), inside)
            image += coverage(sheet.astype(np.float32), self._acquisition.pixel_spacing) * (hu - image)

    def _texture(self, z: float) -> Floats:
        """A texture that drifts with height instead of jumping from slice to slice."""
        at = (z / 6.0) % len(self._textures)
        first, share = int(at), at - int(at)
        mixed: Floats = self._textures[first] * np.float32(np.sqrt(1 - share)) + self._textures[
            (first + 1) % len(self._textures)
        ] * np.float32(np.sqrt(share))
        return mixed

    def _draw_trees(self, trees: LungTrees) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        acquisition, scale = self._acquisition, self._anatomy.scale
        spacing = np.array([acquisition.pixel_spacing] * 2 + [acquisition.slice_spacing], np.float32)
        placed = trees.placed(
            lambda joints: (
                np.array([acquisition.position(tuple(joint * scale)) for joint in joints], np.float32) * spacing
            ),
            scale,
        )
        shape = (acquisition.slices, acquisition.rows, acquisition.columns)
        origin = np.zeros(3, np.float32)
        return (
            rasterise(placed.vessels, shape, origin=origin, spacing=spacing),
            rasterise(placed.airways, shape, origin=origin, spacing=spacing, grow_by=0.9),
            rasterise(placed.airways, shape, origin=origin, spacing=spacing),
        )


def _halve(grid: Floats) -> Floats:
    coarse: Floats = cv2.resize(grid, (grid.shape[1] // 2, grid.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return coarse


def table_row(acquisition: Acquisition) -> int:
    """Return the first row that shows the table in the middle of the image; the body ends above it."""
    return min(acquisition.rows, int(acquisition.table_depth / acquisition.pixel_spacing + (acquisition.rows - 1) / 2))
