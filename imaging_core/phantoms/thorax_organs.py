"""The tubes of a chest: vessels, airways, gullet. Coordinates as in `thorax_anatomy`."""

from collections.abc import Sequence
from dataclasses import dataclass

from imaging_core.phantoms.geometry import Node, Tube


def _tube(*joints: tuple[float, float, float, float]) -> Tube:
    return tuple(Node(*joint) for joint in joints)


@dataclass(frozen=True, slots=True)
class ThoracicOrgans:
    """The tubes of the mediastinum, joint by joint: x, y, z, radius in mm."""

    aorta: Tube
    arch_branches: Sequence[Tube]
    veins: Sequence[Tube]
    pulmonary_arteries: Sequence[Tube]
    pulmonary_veins: Sequence[Tube]
    oesophagus: Tube
    trachea: Tube
    main_bronchi: Sequence[Tube]

    def great_vessels(self) -> Sequence[Tube]:
        """All large vessels around the heart."""
        return (self.aorta, *self.arch_branches, *self.veins, *self.pulmonary_arteries, *self.pulmonary_veins)


ORGANS = ThoracicOrgans(
    aorta=_tube(
        (-4, -20, 138, 15),
        (-17, -27, 165, 16),
        (-16, -24, 188, 15),
        (-9, -12, 204, 14.5),
        (4, 4, 210, 14),
        (17, 22, 206, 13.5),
        (25, 34, 192, 13),
        (27, 38, 170, 12.5),
        (26, 38, 100, 12),
        (17, 34, 30, 11),
        (8, 30, -20, 10.5),
    ),
    arch_branches=(
        _tube((-10, -10, 212, 6.5), (-16, -2, 245, 6), (-24, 4, 275, 5), (-30, 8, 345, 4.5)),
        _tube((2, 0, 216, 4.5), (12, 4, 260, 4), (22, 6, 345, 4)),
        _tube((12, 14, 212, 5.5), (22, 18, 262, 5), (48, 14, 287, 4.5), (96, -4, 296, 4)),
    ),
    veins=(
        _tube((-24, -16, 150, 10), (-25, -20, 215, 9), (-26, -20, 262, 7.5), (-40, -14, 345, 6)),
        _tube((-24, -22, 220, 7), (0, -36, 232, 6.5), (22, -28, 256, 7), (42, -16, 345, 6)),
        _tube((-22, -6, 120, 12), (-26, 10, 90, 12), (-22, 16, -20, 11)),
        _tube((-7, 46, 10, 2.5), (-8, 42, 185, 3.2), (-18, 28, 198, 4), (-28, -2, 200, 4.5), (-25, -16, 194, 5)),
    ),
    pulmonary_arteries=(
        _tube((20, -46, 142, 14), (17, -38, 165, 14), (15, -24, 178, 13)),
        _tube((14, -18, 178, 11), (-14, 2, 176, 10.5), (-36, 8, 172, 9), (-50, 14, 160, 8)),
        _tube((17, -18, 180, 11), (34, 8, 186, 10.5), (48, 24, 176, 9), (54, 28, 162, 8)),
    ),
    pulmonary_veins=(
        _tube((0, 14, 146, 9), (-30, 12, 146, 8), (-46, 10, 150, 6.5)),
        _tube((6, 14, 146, 9), (36, 10, 150, 7.5), (50, 10, 156, 6.5)),
        _tube((0, 20, 140, 8), (-38, 28, 132, 6.5)),
        _tube((8, 20, 140, 8), (46, 28, 136, 6.5)),
    ),
    oesophagus=_tube((2, 34, 345, 6), (5, 36, 205, 6.5), (6, 36, 150, 7), (14, 30, 105, 7), (20, 12, 84, 8)),
    trachea=_tube((0, 10, 345, 8.8), (0, 14, 260, 9), (1, 22, 196, 9.2)),
    main_bronchi=(
        _tube((0, 22, 197, 8.2), (-20, 24, 180, 7.4), (-36, 24, 166, 6.4), (-44, 22, 152, 5.2)),
        _tube((2, 22, 197, 7.8), (26, 26, 178, 6.8), (46, 26, 168, 6), (54, 24, 154, 5)),
    ),
)
