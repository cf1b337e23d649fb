"""Skin, fat, muscle, the organs of the mediastinum and the upper abdomen."""

import numpy as np

from imaging_core.phantoms.canvas import Canvas
from imaging_core.phantoms.geometry import Floats, Node, ellipsoid, profile, smooth_union, tube
from imaging_core.phantoms.thorax_anatomy import ThoraxAnatomy

FAT, MUSCLE, BLOOD, AIR = -100.0, 52.0, 43.0, -1000.0


class Wall:
    """The wall of the chest: skin, fat under it, muscles. What depends on the direction only is computed once."""

    def __init__(self, anatomy: ThoraxAnatomy, x: Floats, y: Floats) -> None:
        around = np.arctan2(np.abs(x), y - 8)
        self._x, self._y = x, y
        self._fat = anatomy.fat
        self._flank = 0.75 + 0.25 * np.sin(around * 1.5)
        self._back = 15 + 26 * np.exp(-((around / 0.55) ** 2)) - 6 * np.exp(-(((around - np.pi) / 0.16) ** 2))
        breast, shoulder = np.exp(-(((around - 2.35) / 0.55) ** 2)), np.exp(-(((around - 0.95) / 0.6) ** 2))
        self._high = breast + 1.2 * shoulder

    def muscles(self, skin: Floats, cavity: Floats, texture: Floats, z: float) -> Floats:
        """Return the distance to the muscles: thick at back and breast, thin at flanks and midline."""
        # Fat is thicker over the belly and the flanks than over the back.
        fat = self._fat * (self._flank + 0.3 * float(np.exp(-(((z - 20) / 60) ** 2)))) + 1.2 * texture
        depth = self._back + float(profile(z, (90, 160, 220, 255, 285, 305), (0, 8, 20, 50, 84, 112))) * self._high
        muscles = (cavity - depth).astype(np.float32)
        if z > 236:
            muscles = smooth_union(muscles, self._neck_and_shoulders(z), 22)
        distance: Floats = np.maximum(skin + fat, muscles).astype(np.float32)
        return distance

    def _neck_and_shoulders(self, z: float) -> Floats:
        neck = float(profile(z, (236, 270, 300), (8, 62, 70)))
        arm = float(profile(z, (236, 262, 300), (4, 30, 42)))
        sides = np.abs(self._x)
        shoulder = ellipsoid(sides, self._y, 0.0, center=(130, 6, 0), radii=(arm, arm * 1.25, 99))
        return smooth_union(ellipsoid(self._x, self._y, 0.0, center=(0, 8, 0), radii=(neck, 66, 99)), shoulder, 14)


def paint_wall(canvas: Canvas, skin: Floats, muscles: Floats, cavity: Floats, texture: Floats) -> None:
    """Paint skin, fat under it and the muscles around the rib cage."""
    z = canvas.z
    canvas.paint(skin, 20.0)
    canvas.paint(skin + 1.8, FAT + 6 * texture)
    strand = np.clip(texture - 1.4, 0, 1)
    canvas.paint(muscles, MUSCLE + 3 * texture - 75 * strand)
    # Sheets of fat part the muscle layers.
    inside = muscles + 1.5
    if z > 185:
        _paint_axilla(canvas)
    if z > 268:
        _paint_neck(canvas)
        return
    canvas.paint(np.maximum(np.abs(cavity - 13 - 1.5 * texture) - 0.8, inside), -70.0)
    if z > 150:
        canvas.paint(np.maximum(np.abs(cavity - 27 - 2 * texture) - 0.8, inside), -75.0)


def _paint_neck(canvas: Canvas) -> None:
    """Fat between the deep muscles, and the vessels to the arms."""
    for side in (-1, 1):
        canvas.paint_ellipsoid((side * 56, -20, 290), (19, 9, 24), FAT)
        canvas.paint_ellipsoid((side * 80, 44, 296), (30, 4, 40), FAT)
        canvas.paint_ellipsoid((side * 26, -46, 296), (16, 4, 34), FAT)
        vessel = (Node(side * 40, -10, 284, 5), Node(side * 80, -14, 290, 4.5), Node(side * 128, -4, 296, 4))
        canvas.paint_tube(vessel, BLOOD)


def _paint_axilla(canvas: Canvas) -> None:
    z = canvas.z
    size = float(profile(z, (185, 225, 262, 290, 304), (2, 15, 21, 9, 3)))
    for side in (-1, 1):
        canvas.paint_ellipsoid((side * 132, -6, 245), (size, size * 1.5, 62), FAT)
        for dx, dy, radius in ((0, -6, 4.2), (-7, 2, 3.2), (5, 5, 2.2)):
            vessel = (Node(side * (118 + dx), dy - 4, 296, radius), Node(side * (134 + dx), dy + 2, 190, radius * 0.8))
            canvas.paint_tube(vessel, BLOOD)
        canvas.paint_ellipsoid((side * 126, 14, 236), (3, 5, 6), 40.0)


def paint_mediastinum(canvas: Canvas, anatomy: ThoraxAnatomy, texture: Floats) -> None:
    """Paint heart, great vessels, gullet and windpipe into the fat between the lungs."""
    z = canvas.z
    if z < 192:
        _paint_heart(canvas, anatomy, texture)
    organs = anatomy.organs
    for joints in (*organs.pulmonary_veins, *organs.pulmonary_arteries, *organs.veins, *organs.arch_branches):
        canvas.paint_tube(joints, BLOOD)
    canvas.paint_tube(organs.aorta, 50.0)
    canvas.paint_tube(organs.aorta, BLOOD - 1, grow=-1.5)
    if anatomy.aortic_calcification:
        _paint_calcification(canvas, anatomy)
    canvas.paint_tube(organs.oesophagus, 42.0)
    canvas.paint_tube(organs.oesophagus, -450.0, grow=-4.9 + 0.8 * float(np.sin(z / 17)))
    _paint_nodes(canvas)
    # The front of the windpipe is cartilage, its back a soft wall.
    for joints in (organs.trachea, *organs.main_bronchi):
        canvas.paint_tube(joints, 62.0, grow=1.6)
    for joints in (organs.trachea, *organs.main_bronchi):
        canvas.paint_tube(joints, AIR)


def _paint_heart(canvas: Canvas, anatomy: ThoraxAnatomy, texture: Floats) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    heart = anatomy.heart(x, y, z)
    above = anatomy.diaphragm(x, y) - z
    heart = np.maximum(heart, above.astype(np.float32))
    canvas.paint(heart - 4.8, 25.0, strength=0.75)  # pericardium
    canvas.paint(heart - 4.0, -95.0)
    canvas.paint(heart, 50.0 + 2 * texture)
    canvas.paint(np.maximum(heart + 4, 5 - np.abs(anatomy.heart_groove(x, y, z))), BLOOD + 2 * texture)
    canvas.paint(anatomy.left_ventricle(x, y, z) - 9, 53.0)
    canvas.paint(anatomy.left_ventricle(x, y, z), BLOOD - 2)
    groove = np.maximum(np.abs(anatomy.heart_groove(x, y, z)) - 3.8, -heart - 13)
    canvas.paint(np.maximum(groove, heart).astype(np.float32), -88.0)
    right_coronary = (Node(-16, -52, 150, 2), Node(-30, -34, 128, 2), Node(-18, -8, 104, 1.8))
    canvas.paint_tube(right_coronary, BLOOD)


def _paint_calcification(canvas: Canvas, anatomy: ThoraxAnatomy) -> None:
    """A crescent in the outer wall of the arch and a fleck lower down."""
    for centre, size in (((23, 20, 210), (10, 14, 9)), ((36, 44, 128), (7, 8, 6))):
        part = canvas.window(centre[0] - size[0], centre[0] + size[0], centre[1] - size[1], centre[1] + size[1])
        if part is None or abs(canvas.z - centre[2]) > size[2] + 1:
            continue
        wall = tube(part.x, part.y, part.z, anatomy.organs.aorta)
        place = ellipsoid(part.x, part.y, part.z, center=centre, radii=size)
        part.paint(np.maximum(np.abs(wall + 1.2) - 1.3, place), 720.0)


def _paint_nodes(canvas: Canvas) -> None:
    """Small lymph nodes with a fatty hilum, as everybody has them."""
    for centre, size in (
        ((-16, 6, 208), (4.5, 3, 5)),
        ((12, -2, 192), (4, 2.8, 4)),
        ((3, 30, 178), (5, 3, 6)),
        ((-8, -34, 214), (3, 2.2, 4)),
    ):
        canvas.paint_ellipsoid(centre, size, 38.0)


def paint_abdomen(canvas: Canvas, anatomy: ThoraxAnatomy, cavity: Floats, dome: Floats, texture: Floats) -> None:
    """Paint diaphragm, liver, spleen, stomach and the upper poles of the kidneys.

    `cavity` is the distance to the rib cage, `dome` the height of the diaphragm over each pixel.
    """
    x, y, z = canvas.x, canvas.y, canvas.z
    under = np.maximum((z - dome) * 0.75, cavity + 1.2)
    under = np.maximum(under, -(anatomy.spine(x, y, z) + 2))
    canvas.paint(under, 48.0)  # diaphragm
    canvas.paint(under + 2.6, -98.0 + 5 * texture)
    liver = np.maximum(_liver(x, y, z), under + 1.0)
    canvas.paint(liver, 58.0 + 2.5 * texture)
    for joints in _LIVER_VESSELS:
        canvas.paint_tube(joints, 44.0)
    _paint_left_upper_quadrant(canvas, liver, under, texture)
    for side, height in ((-1, -14), (1, -6)):
        canvas.paint_ellipsoid((side * 54, 44, height), (27, 25, 48), 33.0)
        canvas.paint_ellipsoid((side * 44, 38, height - 10), (10, 9, 30), -80.0)
    canvas.paint_ellipsoid((-40, -52, -6), (17, 20, 28), 8.0)  # gallbladder
    canvas.paint_tube(anatomy.organs.aorta, BLOOD)
    canvas.paint_tube(anatomy.organs.veins[2], BLOOD)
    for side in (-1, 1):
        crus = (Node(side * 9, 18, 70, 3.5), Node(side * 13, 30, 0, 6), Node(side * 13, 32, -30, 7))
        canvas.paint_tube(crus, 48.0)


def _paint_left_upper_quadrant(canvas: Canvas, liver: Floats, under: Floats, texture: Floats) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    spleen = np.maximum(
        ellipsoid(x, y, z, center=(88, 34, 56), radii=(30, 42, 42)),
        np.maximum(under + 3.2, 30 - np.hypot(x - 44, y - 18)),
    )
    canvas.paint(spleen, 50.0 + 2 * texture)
    stomach = smooth_union(
        ellipsoid(x, y, z, center=(58, -14, 66), radii=(36, 36, 40)),
        ellipsoid(x, y, z, center=(34, -48, 10), radii=(44, 26, 34)),
        18,
    )
    stomach = np.maximum(np.maximum(stomach, under + 3.2), np.maximum(2.5 - spleen, 2 - liver))
    canvas.paint(stomach, 45.0)
    level = y + 22 + 0.8 * texture  # the patient lies on his back: gas in front, fluid behind
    canvas.paint(stomach + 4, 22.0 + 6 * texture)
    canvas.paint(np.maximum(stomach + 4, level), -960.0)


def _liver(x: Floats, y: Floats, z: float) -> Floats:
    right = ellipsoid(x, y, z, center=(-66, -4, 40), radii=(80, 102, 100))
    left = ellipsoid(x, y, z, center=(-6, -50, 62), radii=(58, 36, 34))
    return smooth_union(right, left, 24)


_LIVER_VESSELS = (
    (Node(-26, 10, 92, 6), Node(-58, -4, 78, 4.5), Node(-100, -10, 52, 2)),
    (Node(-26, 8, 92, 5), Node(-46, -38, 76, 3.5), Node(-70, -66, 50, 1.8)),
    (Node(-22, 4, 92, 5), Node(-4, -36, 80, 3.5), Node(10, -62, 64, 1.8)),
    (Node(-26, -14, 20, 7), Node(-56, 0, 42, 5), Node(-92, 24, 54, 3), Node(-112, 34, 60, 1.5)),
    (Node(-56, 0, 42, 5), Node(-80, -34, 40, 3), Node(-104, -44, 34, 1.5)),
    (Node(-26, -14, 20, 6), Node(-14, -44, 46, 4), Node(8, -58, 56, 2)),
)
