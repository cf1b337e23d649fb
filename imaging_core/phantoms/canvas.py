"""One slice being painted: later tissue covers earlier tissue, edges share their voxels."""

from dataclasses import dataclass

import numpy as np

from imaging_core.phantoms.geometry import Floats, Point, Tube, cone, cones_near, coverage, ellipsoid

_TURN = 5.0
"""How far a patient turned by two degrees strays from his columns, mm."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """An image with the patient coordinates of its pixels, at one height."""

    image: Floats
    x: Floats
    y: Floats
    z: float
    pixel: float
    """Width of a pixel, mm."""

    def paint(self, distance: Floats, value: Floats | float, strength: Floats | float = 1.0) -> None:
        """Lay tissue of this value over everything inside `distance`."""
        share = coverage(distance, self.pixel) * strength
        self.image[...] += share * (value - self.image)

    def paint_tube(self, joints: Tube, value: float, *, grow: float = 0.0) -> None:
        """Paint the pieces of a tube that cross this slice, thicker by `grow` mm."""
        for start, end in cones_near(joints, self.z, grow + 1):
            reach = max(start.radius, end.radius) + grow + 1
            part = self.window(
                min(start.x, end.x) - reach,
                max(start.x, end.x) + reach,
                min(start.y, end.y) - reach,
                max(start.y, end.y) + reach,
            )
            if part is not None:
                part.paint(cone(part.x, part.y, part.z, start, end) - grow, value)

    def paint_ellipsoid(self, centre: Point, radii: Point, value: float) -> None:
        """Paint an ellipsoid if it crosses this slice."""
        if abs(self.z - centre[2]) > radii[2] + 1:
            return
        across, deep = radii[0] + 2, radii[1] + 2
        part = self.window(centre[0] - across, centre[0] + across, centre[1] - deep, centre[1] + deep)
        if part is not None:
            part.paint(ellipsoid(part.x, part.y, part.z, center=centre, radii=radii), value)

    def layer(self, distance: Floats, value: Floats | float, *, thickness: float) -> None:
        """Lay a thin sheet where `distance` is zero; thinner than a pixel it fades, as partial volume does."""
        strength = min(1.0, thickness / self.pixel)
        self.paint(np.abs(distance) - max(thickness, self.pixel) / 2, value, strength)

    def window(self, left: float, right: float, front: float, back: float) -> "Canvas | None":
        """Return the part of the canvas around a box in patient mm (None when it lies outside); the image is shared."""
        height, width = self.image.shape
        # The rows and columns are nearly straight in x and y: a patient is turned by a degree or two at most.
        across, down = self.x[height // 2], self.y[:, width // 2]
        first, last = np.searchsorted(across, (left - _TURN, right + _TURN))
        top, bottom = np.searchsorted(down, (front - _TURN, back + _TURN))
        if first >= last or top >= bottom:
            return None
        part = (slice(top, bottom), slice(first, last))
        return Canvas(self.image[part], self.x[part], self.y[part], self.z, self.pixel)
