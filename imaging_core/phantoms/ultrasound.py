"""An echocardiogram: a beating heart in the apical four-chamber view, with speckle, depth ruler and ECG line."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.ecg import lead_two
from imaging_core.phantoms.geometry import Floats, Node, ellipsoid, tube
from imaging_core.phantoms.noise import smooth_field

_BEAMS, _SAMPLES = 192, 420
_HALF_ANGLE = np.deg2rad(40)


@dataclass(frozen=True, slots=True)
class EchoAcquisition:
    """The picture of the machine: where the sector stands and how long it runs."""

    columns: int = 640
    rows: int = 480
    frames: int = 30
    frame_milliseconds: float = 33.3
    depth: float = 160.0
    """Deepest echo shown, mm."""
    heart_rate: float = 72.0
    seed: int = 1

    @property
    def pixel(self) -> float:
        """Size of a pixel in the sector, mm."""
        return self.depth / (self.rows * 0.84)

    @property
    def apex(self) -> tuple[int, int]:
        """Column and row of the probe."""
        return self.columns // 2, round(self.rows * 0.05)

    @property
    def sector(self) -> tuple[int, int, int, int]:
        """First column, first row, last column, last row of the box around the sector."""
        reach = round(self.depth * float(np.sin(_HALF_ANGLE)) / self.pixel)
        column, row = self.apex
        return max(0, column - reach), row, min(self.columns - 1, column + reach), row + round(self.depth / self.pixel)


def render_echo(acquisition: EchoAcquisition) -> NDArray[np.uint8]:
    """Return the cine, shape (frames, rows, columns, 3), RGB."""
    rng = np.random.default_rng((acquisition.seed, 41))
    scene = _EchoScene(acquisition, rng)
    cine = np.zeros((acquisition.frames, acquisition.rows, acquisition.columns, 3), np.uint8)
    for index in range(acquisition.frames):
        seconds = index * acquisition.frame_milliseconds / 1000
        picture = scene.frame(seconds)
        cine[index] = picture[:, :, None]
        _draw_furniture(cine[index], acquisition, seconds)
    return cine


class _EchoScene:
    def __init__(self, acquisition: EchoAcquisition, rng: np.random.Generator) -> None:
        self._acquisition, self._rng = acquisition, rng
        angle = np.linspace(-_HALF_ANGLE, _HALF_ANGLE, _BEAMS, dtype=np.float32)
        distance = np.linspace(0, acquisition.depth, _SAMPLES, dtype=np.float32)
        self._distance, self._angle = np.meshgrid(distance, angle, indexing="ij")
        self._x, self._deep = self._distance * np.sin(self._angle), self._distance * np.cos(self._angle)
        self._scatter = [smooth_field(rng, (_SAMPLES, _BEAMS * 2), 2.2) for _ in range(2)]
        self._patches = np.exp(0.45 * smooth_field(rng, (_SAMPLES, _BEAMS), 26))
        self._column, self._row = self._scan_map()

    def frame(self, seconds: float) -> NDArray[np.uint8]:
        """Return one picture of the sector, 0 to 255."""
        squeeze = _contraction(seconds, self._acquisition.heart_rate)
        echo = self._echo(squeeze)
        shift = round(6 * squeeze)
        real, imaginary = (field[:, shift : shift + _BEAMS] for field in self._scatter)
        speckle = np.hypot(real, imaginary) * 0.8
        signal = echo * speckle + self._rng.rayleigh(0.004, echo.shape).astype(np.float32)
        # Beams are wider in the depth, so echoes smear sideways there.
        smeared = cv2.GaussianBlur(signal, (0, 0), sigmaX=1.6, sigmaY=0.7)
        level = 20 * np.log10(np.maximum(smeared, 1e-4))
        polar = np.clip((level + 52) / 52, 0, 1) ** 1.15 * 235
        picture = cv2.remap(polar.astype(np.float32), self._column, self._row, cv2.INTER_LINEAR, borderValue=0)
        shown: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
        return shown

    def _echo(self, squeeze: float) -> Floats:
        """Echo strength of muscle, blood, valves and what lies around them, for one state of contraction."""
        x, deep, z = self._x, self._deep, 0.0
        small = 1 - 0.24 * squeeze
        base = 92 - 9 * squeeze  # the plane of the valves moves towards the tip of the heart
        left = ellipsoid(x, deep, z, center=(15, base - 33, 0), radii=(21 * small, 36, 30))
        right = ellipsoid(x, deep, z, center=(-22, base - 26, 0), radii=(14 * (1 - 0.15 * squeeze), 28, 30))
        left_atrium = ellipsoid(x, deep, z, center=(16, base + 22, 0), radii=(19 + 3 * squeeze, 21, 30))
        right_atrium = ellipsoid(x, deep, z, center=(-20, base + 20, 0), radii=(18 + 2 * squeeze, 20, 30))
        heart = ellipsoid(x, deep, z, center=(-2, 78, 0), radii=(50, 62, 40))
        echo = np.full(x.shape, 0.035, np.float32)  # lung and what else lies around
        echo += _inside(heart) * (0.16 - echo)
        septum_bright = np.exp(-((np.abs(heart) / 1.6) ** 2))
        echo += 0.55 * septum_bright * (np.abs(x) < 60)
        for chamber in (left, right, left_atrium, right_atrium):
            echo += _inside(chamber) * (0.0045 - echo)
            echo += 0.10 * np.exp(-(((chamber - 0.6) / 0.9) ** 2))
        for leaflet in _leaflets(base, squeeze):
            echo += np.clip(0.9 - np.abs(tube(x, deep, z, leaflet)) / 0.8, 0, 1) * (0.4 - echo)
        return self._attenuated(echo)

    def _attenuated(self, echo: Floats) -> Floats:
        # The machine lifts deep echoes, but not all of the loss; near the probe it rings.
        gain = np.exp(-self._distance / 260)
        near = 0.5 * np.exp(-((self._distance / 5) ** 2))
        edge = np.clip((_HALF_ANGLE - np.abs(self._angle)) / 0.05, 0.25, 1)
        attenuated: Floats = ((echo * self._patches * gain + near) * edge).astype(np.float32)
        return attenuated

    def _scan_map(self) -> tuple[Floats, Floats]:
        acquisition = self._acquisition
        column, row = np.meshgrid(
            np.arange(acquisition.columns, dtype=np.float32), np.arange(acquisition.rows, dtype=np.float32)
        )
        right = (column - acquisition.apex[0]) * acquisition.pixel
        down = (row - acquisition.apex[1]) * acquisition.pixel
        angle, distance = np.arctan2(right, np.maximum(down, 1e-3)), np.hypot(right, down)
        beam = (angle + _HALF_ANGLE) / (2 * _HALF_ANGLE) * (_BEAMS - 1)
        sample = np.where(down >= 0, distance / acquisition.depth * (_SAMPLES - 1), -9)
        return beam.astype(np.float32), sample.astype(np.float32)


def _inside(distance: Floats) -> Floats:
    share: Floats = np.clip(0.5 - distance / 1.6, 0, 1)
    return share


def _contraction(seconds: float, heart_rate: float) -> float:
    """How far the ventricles have squeezed: 0 full, 1 empty."""
    phase = (seconds * heart_rate / 60) % 1
    if phase < 0.36:
        return float(np.sin(phase / 0.36 * np.pi / 2) ** 2)
    return float(np.cos(min(1.0, (phase - 0.36) / 0.26) * np.pi / 2) ** 2)


def _leaflets(base: float, squeeze: float) -> list[tuple[Node, Node]]:
    """Leaflets of mitral and tricuspid valve: closed while the heart squeezes, else open towards the tip."""
    opened = max(0.0, 1 - 3.5 * squeeze)
    leaflets = []
    for centre, half in ((16.0, 13.0), (-20.0, 11.0)):
        for side in (-1, 1):
            hinge = Node(centre + side * half, base, 0, 0.7)
            tip = Node(centre + side * (1 + (half - 4) * opened), base - 3 - 13 * opened, 0, 0.5)
            leaflets.append((hinge, tip))
    return leaflets


def _draw_furniture(picture: NDArray[np.uint8], acquisition: EchoAcquisition, seconds: float) -> None:
    """Draw the depth ruler (a tick a centimetre) and the ECG line under the sector."""
    column, top = acquisition.columns - 24, acquisition.apex[1]
    for centimetre in range(int(acquisition.depth // 10) + 1):
        row = top + round(centimetre * 10 / acquisition.pixel)
        length = 10 if centimetre % 5 == 0 else 5
        cv2.line(picture, (column - length, row), (column, row), (210, 210, 210), 1)
    width, low = acquisition.columns - 80, round(acquisition.rows * 0.965)
    times = np.linspace(0, acquisition.frames * acquisition.frame_milliseconds / 1000, width)
    trace = low - lead_two(times, acquisition.heart_rate) * acquisition.rows * 0.045
    points = np.stack([np.arange(width) + 40, trace], axis=1).astype(np.int32)
    cv2.polylines(picture, [points.reshape(-1, 1, 2)], False, (70, 220, 90), 1, cv2.LINE_AA)
    now = int(seconds / max(float(times[-1]), 1e-6) * (width - 1))
    cv2.circle(picture, (int(points[now][0]), int(points[now][1])), 3, (250, 220, 80), -1, cv2.LINE_AA)
