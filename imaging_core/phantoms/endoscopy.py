"""A colonoscopy: stills along a folded, moist tube, lit from the tip of the endoscope, with one small polyp."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.geometry import Floats, smooth_union
from imaging_core.phantoms.noise import smooth_field

_RADIUS = 21.0
_POLYP_Z, _POLYP_ANGLE = 226.0, 0.7
"""Between two folds, where it is seen from before the first."""
_STEPS = 22
_FARTHEST = 170.0
_HALF_ANGLE = np.deg2rad(62)
_TEXTURE = (768, 512)
"""Rows along the tube, columns around it."""
_TEXTURE_MM = 400.0
_SEAM = 96


@dataclass(frozen=True, slots=True)
class EndoscopyAcquisition:
    """How large the stills are and where along the tube they were taken."""

    size: int = 480
    tips: tuple[float, ...] = (0.0, 62.0, 128.0, 206.0)
    """Where the tip of the endoscope stood at each still, mm."""
    polyp_diameter: float = 6.0
    """mm; it comes into view in the last still."""
    seed: int = 1


def render_endoscopy(acquisition: EndoscopyAcquisition) -> NDArray[np.uint8]:
    """Return the stills, shape (stills, size, size, 3), RGB; black outside the round field of view."""
    rng = np.random.default_rng((acquisition.seed, 53))
    vessels, patches = _vessels(rng), _around(rng, 50)
    stills = np.zeros((len(acquisition.tips), acquisition.size, acquisition.size, 3), np.uint8)
    for index, tip in enumerate(acquisition.tips):
        view = _View(acquisition, tip)
        stills[index] = _painted(view, vessels, patches, rng)
    return stills


class _View:
    """What each pixel of a still sees: where its ray meets the wall, how far that is, how the wall stands there."""

    def __init__(self, acquisition: EndoscopyAcquisition, tip: float) -> None:
        self._acquisition = acquisition
        size = acquisition.size
        self.right, self.down = _grid(size)
        # Marched at a third of the size: walls are smooth, and the finer texture is laid on afterwards.
        coarse = max(size // 3, 32)
        x, y = _grid(coarse)
        bend = np.hypot(x, y) * _HALF_ANGLE
        around = np.arctan2(y, x)
        rays = (np.sin(bend) * np.cos(around), np.sin(bend) * np.sin(around), np.cos(bend))
        at = np.array([tip], np.float32)
        start = (*_axis(at), at)
        far = np.full((coarse, coarse), 2.0, np.float32)
        for _ in range(_STEPS):
            position = tuple(origin + far * ray for origin, ray in zip(start, rays, strict=True))
            far = np.minimum(far + 0.8 * self._room(*position), np.float32(_FARTHEST))
        x, y, z = (origin + far * ray for origin, ray in zip(start, rays, strict=True))
        here = self._room(x, y, z)
        normal = [self._room(x + 0.4, y, z) - here, self._room(x, y + 0.4, z) - here, self._room(x, y, z + 0.4) - here]
        facing = -sum(part * ray for part, ray in zip(normal, rays, strict=True))
        facing = facing / np.maximum(np.sqrt(sum(part * part for part in normal)), 1e-6)
        # Rays that graze a fold end anywhere near it; the median leaves its edge clean.
        facing = cv2.medianBlur(facing.astype(np.float32), 5)
        self.far, self.facing = self._enlarged(far), np.clip(self._enlarged(facing), 0, 1)
        self.x, self.y, self.z = self._enlarged(x), self._enlarged(y), self._enlarged(z)

    @property
    def polyp(self) -> Floats:
        """Distance to the polyp."""
        return _polyp(self.x, self.y, self.z, self._acquisition.polyp_diameter)

    def _room(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Distance to the wall or the polyp, from inside."""
        across, up = _axis(z)
        angle = np.arctan2(y - up, x - across)
        # Three bands of muscle run along the colon; between them its folds reach inwards.
        bands = 0.72 + 0.28 * np.cos(3 * angle + 0.01 * z)
        crest = np.maximum(np.sin(z / 4.6 + 0.8 * np.sin(2 * angle + z / 60)), 0)
        fold = crest * crest * crest * crest
        wall = _RADIUS - (7.5 * fold + 3) * bands
        room = wall - np.hypot(x - across, y - up)
        return smooth_union(room, _polyp(x, y, z, self._acquisition.polyp_diameter), 1.5)

    def _enlarged(self, field: Floats) -> Floats:
        size = self._acquisition.size
        enlarged: Floats = cv2.resize(field.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        return enlarged


def _grid(size: int) -> tuple[Floats, Floats]:
    line = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    right, down = np.meshgrid(line, line)
    return right, down


def _axis(z: Floats) -> tuple[Floats, Floats]:
    """Where the middle of the tube runs."""
    return 14 * np.sin(z / 52), 9 * np.sin(z / 37 + 1)


def _polyp(x: Floats, y: Floats, z: Floats, diameter: float) -> Floats:
    at = np.array([_POLYP_Z], np.float32)
    across, up = _axis(at)
    reach = _RADIUS - 3
    right, down = x - across - reach * np.cos(_POLYP_ANGLE), y - up - reach * np.sin(_POLYP_ANGLE)
    distance: Floats = np.sqrt(right * right + down * down + (z - at) ** 2) - diameter / 2
    return distance


def _vessels(rng: np.random.Generator) -> Floats:
    """How much of a vessel lies at each place of the wall: the zero lines of random fields branch like vessels."""
    net = np.zeros(_TEXTURE, np.float32)
    for scale, width, strength in ((64, 0.05, 0.9), (26, 0.07, 0.5)):
        net = np.maximum(net, strength * np.exp(-((_around(rng, scale) / width) ** 2)))
    return net


def _around(rng: np.random.Generator, scale: float) -> Floats:
    """Return a random field on the wall whose first and last columns meet."""
    rows, columns = _TEXTURE
    field = smooth_field(rng, (rows, columns + _SEAM), scale)
    share = np.linspace(0, 1, _SEAM, dtype=np.float32)
    field[:, :_SEAM] = field[:, :_SEAM] * share + field[:, columns:] * (1 - share)
    return field[:, :columns]


def _painted(view: _View, vessels: Floats, patches: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    across, up = _axis(view.z)
    angle = np.arctan2(view.y - up, view.x - across)
    column = ((angle / (2 * np.pi)) % 1 * (_TEXTURE[1] - 1)).astype(np.float32)
    row = (view.z / _TEXTURE_MM * (_TEXTURE[0] - 1)).astype(np.float32)
    vessel, patch = (cv2.remap(field, column, row, cv2.INTER_LINEAR) for field in (vessels, patches))
    on_polyp = np.clip(0.5 - view.polyp / 0.8, 0, 1)
    vessel = vessel * (1 - on_polyp)
    light = (0.12 + 0.88 * view.facing) / (1 + (view.far / 36) ** 2) * 1.25
    red = 0.98 - 0.14 * vessel
    green = 0.60 - 0.30 * vessel + 0.035 * patch - 0.16 * on_polyp
    blue = 0.46 - 0.22 * vessel + 0.030 * patch - 0.10 * on_polyp
    # The wall is wet: where it faces the lamp it shines white, in spots that the folds break up.
    wet = smooth_field(rng, light.shape, 5 * light.shape[0] / 480)
    shine = np.clip(view.facing - 0.93, 0, 1) * 14 * np.clip(wet - 0.9, 0, 1.2) * (view.far < 60)
    # What comes from deep inside has been red many times over.
    channels = (red * light, green * light**1.12, blue * light**1.2)
    picture = np.stack([channel + shine for channel in channels], axis=-1)
    soft = cv2.GaussianBlur(np.clip(picture, 0, 1).astype(np.float32), (0, 0), max(1.1 * light.shape[0] / 480, 0.3))
    grain = rng.standard_normal((*light.shape, 1), dtype=np.float32) * 1.6
    picture = soft ** (1 / 1.6) * 255 + grain
    inside = np.clip((0.985 - np.hypot(view.right, view.down)) * light.shape[0] / 4, 0, 1)
    shown: NDArray[np.uint8] = np.clip(picture * inside[:, :, None], 0, 255).astype(np.uint8)
    return shown
