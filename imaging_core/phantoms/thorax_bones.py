"""Ribs, spine, sternum, shoulder girdle: cortex outside, marrow inside."""

import numpy as np

from imaging_core.phantoms.canvas import Canvas
from imaging_core.phantoms.geometry import Floats, Node, coverage, ellipsoid, profile, tube
from imaging_core.phantoms.thorax_anatomy import VERTEBRA_PITCH, ThoraxAnatomy

_CORTEX = 980.0
_MARROW = 190.0
_CARTILAGE = 95.0
_RIB_PITCH = VERTEBRA_PITCH


def paint_bone(canvas: Canvas, distance: Floats, *, cortex: float, marrow: Floats | float = _MARROW) -> None:
    """Paint a bone whose hard shell is `cortex` mm thick."""
    canvas.paint(distance, _CORTEX)
    canvas.paint(distance + cortex, marrow)


def paint_ribs(canvas: Canvas, cavity: Floats, texture: Floats) -> None:
    """Paint twelve pairs of ribs that fall from back to front, and their cartilages.

    `cavity` is the distance to the rib cage, `texture` a random field that makes old cartilage blotchy.
    """
    ring = _Ring(canvas, cavity, -1.0, 13.5)
    z, around, grain = canvas.z, ring.around, ring.of(texture)
    fall = float(profile(z, (0, 120, 200, 300), (88, 84, 70, 44))) * np.sin(np.clip(around, 0, 2.75) / 2) ** 2
    number = (z + fall - 12) / _RIB_PITCH
    nearest = np.round(number)
    height = (number - nearest) * _RIB_PITCH * 0.88
    thick = 3.6 + 0.7 * np.sin(around)
    tall = 6.4 - 1.0 * (around < 0.5)
    depth = ring.depth - 6.2
    level = np.hypot(depth / thick, height / tall)
    slope = np.hypot(depth / thick**2, height / tall**2)
    distance = level * (level - 1) / np.maximum(slope, 1e-3)
    # Floating ribs end early; the others turn to cartilage towards the sternum.
    last = np.select([nearest <= 0, nearest <= 1, nearest <= 2], [1.2, 1.7, 2.1], 2.55 - 0.05 * np.abs(nearest - 6))
    exists = (nearest >= -1) & (nearest <= 11) & (around > 0.2)
    bone = np.where(exists & (around < last), distance, 50.0)
    cartilage = np.where(exists & (nearest > 2) & (around >= last) & (around < 3.0), distance - 0.6, 50.0)
    ring.paint(cartilage, _CARTILAGE + 130 * np.clip(grain - 1.3, 0, 1))
    ring.paint(bone, _CORTEX)
    ring.paint(bone + 1.3, 150 + 25 * grain)


def paint_spine(canvas: Canvas, anatomy: ThoraxAnatomy, texture: Floats) -> None:
    """Paint vertebral bodies, discs, canal, arches and processes."""
    part = canvas.window(-60, 60, 10, 130)
    if part is None:
        return
    grain = texture[: part.image.shape[0], : part.image.shape[1]]
    middle = float(anatomy.spine_y(part.z))
    x, y = part.x, part.y - middle
    # The bodies tilt with the curve of the spine, so an axial slice may cut a body in front and a disc behind.
    tilt = float(anatomy.spine_y(part.z + 1) - anatomy.spine_y(part.z - 1)) / 2
    level = (part.z + y * tilt) / VERTEBRA_PITCH
    to_disc = (np.abs(level - np.round(level)) * VERTEBRA_PITCH).astype(np.float32)  # 0 in the middle of a disc
    waist = 1.6 * np.clip((to_disc - 4) / 8, 0, 1)
    outline = np.maximum(np.hypot(x * 0.83, y) - 14.5 + waist, y - 11.5).astype(np.float32)
    _paint_arches(part, anatomy)
    part.paint(outline, 78.0)  # disc
    body = np.maximum(outline, 2.6 - to_disc)
    part.paint(body, 620.0)
    marrow = np.maximum(outline + 1.2, 3.8 - to_disc)
    part.paint(marrow, 165 + 32 * grain)
    canal = ellipsoid(x, y, 0.0, center=(0, 20, 0), radii=(10.5, 8.5, 99))
    part.paint(canal, -35.0)
    part.paint(canal + 1.6, 12.0)
    part.paint(np.hypot(x * 0.8, y - 19.5).astype(np.float32) - 4.2, 38.0)


def _paint_arches(part: Canvas, anatomy: ThoraxAnatomy) -> None:
    arches = np.full(part.image.shape, 50.0, np.float32)
    for index in range(int(part.z // VERTEBRA_PITCH) - 1, int(part.z // VERTEBRA_PITCH) + 3):
        z = (index + 0.5) * VERTEBRA_PITCH
        deep = float(anatomy.spine_y(z))
        pieces = [(Node(0, deep + 30, z - 4, 3.6), Node(0, deep + 44, z - 22, 3.2))]
        for side in (-1, 1):
            pieces += [
                (Node(side * 10, deep + 6, z + 4, 4.0), Node(side * 13, deep + 21, z + 3, 4.2)),
                (Node(side * 13, deep + 22, z + 2, 4.4), Node(0, deep + 31, z - 4, 3.6)),
                (Node(side * 14, deep + 21, z + 3, 4.4), Node(side * 33, deep + 30, z + 6, 4.2)),
                (Node(side * 17, deep + 8, z + 10, 4.2), Node(side * 34, deep + 22, z + 2, 3.6)),  # neck of the rib
            ]
        for piece in pieces:
            if min(node.z for node in piece) - 6 < part.z < max(node.z for node in piece) + 6:
                arches = np.minimum(arches, tube(part.x, part.y, part.z, piece))
    paint_bone(part, arches, cortex=1.5)


def paint_sternum(canvas: Canvas, cavity: Floats) -> None:
    """Paint manubrium, body and xiphoid in front of the heart."""
    if not 78 < canvas.z < 268:
        return
    half = float(profile(canvas.z, (78, 104, 125, 205, 222, 245, 268), (3, 8, 18, 14, 15, 27, 22)))
    thick = float(profile(canvas.z, (78, 110, 210, 268), (3, 5, 5.5, 7)))
    if abs(canvas.z - 222) < 1.5:  # joint between manubrium and body
        return
    ring = _Ring(canvas, cavity, -4.0, 22.0, front_only=True)
    level = (np.abs((ring.depth - 7.5) / (thick + 0.8)) ** 3 + np.abs(ring.x / half) ** 3) ** (1 / 3)
    distance = (level - 1) * np.where(np.abs(ring.x) > 0.8 * half, half, thick + 0.8)
    ring.paint(distance, _CORTEX)
    ring.paint(distance + 1.2, 110.0)


def paint_shoulders(canvas: Canvas, cavity: Floats) -> None:
    """Paint scapulae, clavicles and the heads of the upper arms (the arms are raised)."""
    z = canvas.z
    if 142 < z < 286:
        _paint_scapulae(_Ring(canvas, cavity, 8.0, 50.0), z)
    if z > 245:
        for side in (-1, 1):
            clavicle = (
                Node(side * 24, -66, 258, 8),
                Node(side * 52, -74, 268, 6),
                Node(side * 90, -48, 288, 5.5),
                Node(side * 122, -20, 304, 6),
            )
            canvas.paint_tube(clavicle, _CORTEX)
            canvas.paint_tube(clavicle, _MARROW, grow=-1.6)
            canvas.paint_ellipsoid((side * 140, 2, 322), (22, 22, 24), _CORTEX)
            canvas.paint_ellipsoid((side * 140, 2, 322), (20.6, 20.6, 22.6), _MARROW)


def _paint_scapulae(ring: "_Ring", z: float) -> None:
    around, depth = ring.around, ring.depth
    first = float(profile(z, (142, 160, 210, 275), (0.95, 0.86, 0.72, 0.68)))
    last = float(profile(z, (142, 160, 210, 258, 274, 286), (1.0, 1.2, 1.4, 1.6, 1.4, 0.6)))
    bend = 2.2 * np.sin(5 * (around - first))
    blade = np.maximum(np.abs(depth - 22 - bend) - 1.9, (np.maximum(first - around, around - last)) * 90)
    border = np.hypot(depth - 23 - bend, (around - last + 0.05) * 90) - (4.5 + 4 * (z > 245))
    bone = np.minimum(blade, border)
    if z > 235:  # spine of the scapula
        ridge = np.maximum(np.abs(around - last + 0.45 - (depth - 22) * 0.006) * 80 - 2.2, np.abs(depth - 34) - 12)
        bone = np.minimum(bone, ridge)
    ring.paint(bone, _CORTEX)
    ring.paint(bone + 1.2, _MARROW)


class _Ring:
    """The pixels between two distances from the rib cage, as flat lists: much less to compute than a slice."""

    def __init__(self, canvas: Canvas, cavity: Floats, inner: float, outer: float, *, front_only: bool = False) -> None:
        self._canvas = canvas
        self._inside = (cavity > inner) & (cavity < outer)
        if front_only:
            self._inside &= (canvas.y < -20) & (np.abs(canvas.x) < 40)
        self.x = canvas.x[self._inside]
        self.depth = cavity[self._inside]
        self.around = np.arctan2(np.abs(self.x), canvas.y[self._inside] - 8)
        """Angle from the spine (0) to the sternum (pi)."""

    def of(self, field: Floats) -> Floats:
        """Return the values of a field on the ring."""
        return field[self._inside]

    def paint(self, distance: Floats, value: Floats | float) -> None:
        """Lay tissue over the part of the ring inside `distance`."""
        image = self._canvas.image
        old = image[self._inside]
        image[self._inside] = old + coverage(distance, self._canvas.pixel) * (value - old)
