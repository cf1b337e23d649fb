"""Where things are in a chest: shapes as distances in patient millimetres.

x grows to the patient's left, y to the back, z to the head; z = 0 lies in the upper abdomen, the lung tops near 290.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging_core.phantoms.geometry import (
    Floats,
    Point,
    ellipsoid,
    profile,
    smooth_union,
    superellipse,
    tube,
)
from imaging_core.phantoms.thorax_organs import ORGANS, ThoracicOrgans

_HEIGHTS = (0, 40, 80, 120, 160, 200, 230, 255, 275, 290, 297)
_CAVITY_WIDTH = (124, 128, 130, 129, 125, 116, 103, 84, 62, 34, 10)
_CAVITY_DEPTH = (84, 87, 89, 88, 85, 78, 68, 56, 43, 26, 8)
_CAVITY_CENTRE = (0, 0, 0, 0, 1, 4, 9, 15, 20, 24, 25)
_BODY_HEIGHTS = (0, 60, 140, 200, 240, 275, 300, 340)
_BODY_WIDTH = (154, 157, 160, 163, 168, 172, 168, 150)
_BODY_DEPTH = (106, 110, 110, 107, 101, 92, 84, 74)
_BODY_CENTRE = (-2, -2, -1, 1, 5, 10, 14, 17)
VERTEBRA_PITCH = 25.0


@dataclass(frozen=True, slots=True)
class Nodule:
    """A round solid nodule of soft tissue in the lung."""

    centre: Point
    """x, y, z in patient millimetres."""
    diameter: float
    """mm"""
    hu: float = 35.0


@dataclass(frozen=True, slots=True)
class ThoraxAnatomy:
    """One person's chest. The same seed is the same person, whenever he is scanned."""

    seed: int
    scale: float = 1.0
    """Size of the person against the standard chest; scanned lengths are the real ones."""
    fat: float = 12.0
    """Thickness of the fat under the skin, mm."""
    nodules: Sequence[Nodule] = ()
    aortic_calcification: bool = True
    breath: float = 0.0
    """How much higher the diaphragm stands than at full breath, mm."""
    organs: ThoracicOrgans = ORGANS

    def body(self, x: Floats, y: Floats, z: float) -> Floats:
        """Distance to the skin."""
        return superellipse(
            x,
            y - _at(z, _BODY_HEIGHTS, _BODY_CENTRE),
            half_width=_at(z, _BODY_HEIGHTS, _BODY_WIDTH) - 12 + self.fat,
            half_depth=_at(z, _BODY_HEIGHTS, _BODY_DEPTH) - 12 + self.fat,
            power=2.35,
        )

    def cavity(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to the inner face of the rib cage."""
        depth = y - profile(z, _HEIGHTS, _CAVITY_CENTRE)
        # The rib cage is narrower in front than behind.
        width = profile(z, _HEIGHTS, _CAVITY_WIDTH) * (1 + 0.0011 * np.clip(depth, -90, 60))
        return superellipse(x, depth, half_width=width, half_depth=profile(z, _HEIGHTS, _CAVITY_DEPTH), power=2.25)

    def spine_y(self, z: Floats | float) -> Floats:
        """Depth of the centre of the vertebral bodies: the curve of the thoracic spine."""
        return np.asarray(50 + 9 * np.sin(np.pi * np.clip(z, -20, 340) / 320), np.float32)

    def spine(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to the vertebral column with its muscles, as the lung sees it."""
        depth = y - self.spine_y(z)
        return smooth_union(np.hypot(x, depth) - 18.5, np.hypot(x * 0.72, depth - 28) - 23, 12)

    def diaphragm(self, x: Floats, y: Floats) -> Floats:
        """Height of the diaphragm under each lung."""
        right_x, left_x, deep = x + 62, x - 66, y + 8
        back = np.where(deep > 0, 0.0108, 0.0052) * deep * deep
        right = 112 - np.where(right_x < 0, 0.019, 0.0055) * right_x * right_x - back
        left = 102 - np.where(left_x > 0, 0.020, 0.0050) * left_x * left_x - back
        height: Floats = np.maximum(right, left) + self.breath
        return height

    def heart(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to the heart muscle and chambers, without the fat around it."""
        ventricles = _turned_ellipsoid(x, y, z, centre=(26, -32, 126), radii=(60, 43, 44), axis=_HEART_AXIS)
        right_atrium = ellipsoid(x, y, z, center=(-20, -18, 134), radii=(30, 32, 38))
        left_atrium = ellipsoid(x, y, z, center=(4, 14, 146), radii=(34, 19, 24))
        return smooth_union(smooth_union(ventricles, right_atrium, 14), left_atrium, 10)

    def left_ventricle(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to the cavity of the left ventricle."""
        return _turned_ellipsoid(x, y, z, centre=(38, -26, 118), radii=(38, 21, 22), axis=_HEART_AXIS)

    def heart_groove(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Signed distance to the plane between atria and ventricles."""
        ax, ay, az = _HEART_AXIS
        return np.asarray((x + 2) * ax + (y + 14) * ay + (z - 138) * az, np.float32)

    def mediastinum(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to everything between the lungs."""
        distance = smooth_union(self.heart(x, y, z) - 7, self.spine(x, y, z), 8)
        for vessel in self.organs.great_vessels():
            distance = smooth_union(distance, tube(x, y, z, vessel) - 3.5, 7)
        for airway in (self.organs.trachea, self.organs.oesophagus):
            distance = smooth_union(distance, tube(x, y, z, airway) - 4, 9)
        width = profile(z, (60, 120, 190, 225, 245, 270, 290), (14, 3, 2, 9, 19, 27, 32))
        front = np.abs(x - 2) - width - 7 * np.clip((-66 - y) / 20, 0, 1) ** 2
        septum = np.maximum(front, y - 8)
        return smooth_union(distance, septum, 12)

    def lung(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Distance to both lungs."""
        inner = np.maximum(self.cavity(x, y, z) + 1.2, -self.mediastinum(x, y, z))
        above = (self.diaphragm(x, y) - z) * 0.72
        distance: Floats = np.maximum(inner, np.asarray(above, np.float32))
        return distance

    def oblique_fissure(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Signed distance to the oblique fissures; positive above, in the upper lobes."""
        height = 148 + 1.02 * y + 9 * np.sin(x / 34) + 5 * np.sin(y / 26 + x / 50)
        return np.asarray((z - height) * 0.7, np.float32)

    def horizontal_fissure(self, x: Floats, y: Floats, z: Floats | float) -> Floats:
        """Signed distance to the fissure between the right upper and middle lobe."""
        return np.asarray(z - 168 - 6 * np.sin(y / 28) - 4 * np.cos(x / 25), np.float32)


_HEART_AXIS: Point = (0.74, -0.50, -0.45)


def _at(z: float, heights: Sequence[float], values: Sequence[float]) -> float:
    return float(profile(z, heights, values))


def _turned_ellipsoid(x: Floats, y: Floats, z: Floats | float, *, centre: Point, radii: Point, axis: Point) -> Floats:
    """Ellipsoid whose first radius lies along `axis` (a unit vector)."""
    dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
    along = dx * axis[0] + dy * axis[1] + dz * axis[2]
    flat = float(np.hypot(axis[0], axis[1]))
    across = (-dx * axis[1] + dy * axis[0]) / flat
    third = (-dx * axis[0] * axis[2] - dy * axis[1] * axis[2]) / flat + dz * flat
    return ellipsoid(along, across, third, center=(0, 0, 0), radii=radii)
