"""The vessels and airways of both lungs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imaging_core.phantoms.geometry import Floats
from imaging_core.phantoms.thorax_anatomy import ThoraxAnatomy
from imaging_core.phantoms.vessel_tree import Tree, grow

_ARTERY_ROOTS = ((-50, 14, 160), (54, 28, 162))
_VEIN_ROOTS = ((-46, 10, 150), (50, 10, 156), (-38, 28, 132), (46, 28, 136))
_AIRWAY_ROOTS = ((-44, 22, 152), (54, 24, 154))
_CLEAR = 12.0
"""No vessel ends nearer to the middle of a nodule than this, mm: its edge must be measurable.

The same whatever the nodule measures, and at whatever breath, so that a person keeps his vessels between two scans.
"""


@dataclass(frozen=True, slots=True)
class LungTrees:
    """All trees, joints in patient mm."""

    vessels: Sequence[Tree]
    airways: Sequence[Tree]

    def placed(self, place: Callable[[Floats], Floats], scale: float) -> "LungTrees":
        """Return the trees moved by `place`, their branches thickened by `scale`."""

        def move(tree: Tree) -> Tree:
            return replace(tree, joints=place(tree.joints), radii=tree.radii * scale)

        return LungTrees([move(tree) for tree in self.vessels], [move(tree) for tree in self.airways])


def grow_lung_trees(anatomy: ThoraxAnatomy, detail: float = 1.0) -> LungTrees:
    """Grow arteries, veins and airways into the lungs of one person; `detail` is the share that is grown."""
    rng = np.random.default_rng((anatomy.seed, 3))
    targets = _scatter(anatomy, rng, max(60, int(6400 * detail)))
    vessels: list[Tree] = []
    airways: list[Tree] = []
    for side, root, bronchus in zip((-1, 1), _ARTERY_ROOTS, _AIRWAY_ROOTS, strict=True):
        own = targets[targets[:, 0] * side > 0]
        arteries, veins = own[::2], own[1::2]
        vessels.append(grow(root, arteries, balance=0.18, end_radius=0.56, rng=rng))
        upper = veins[:, 2] > 150
        for origin, part in zip(_VEIN_ROOTS[(side + 1) // 2 :: 2], (veins[upper], veins[~upper]), strict=True):
            if len(part):
                vessels.append(grow(origin, part, balance=0.22, end_radius=0.54, rng=rng))
        # Airways run beside arteries.
        beside = arteries[::24] + np.float32(2.2)
        airways.append(grow(bronchus, beside.astype(np.float32), balance=0.2, end_radius=0.7, rng=rng).trimmed(1.1))
    return LungTrees(vessels, airways)


def _scatter(anatomy: ThoraxAnatomy, rng: np.random.Generator, count: int) -> Floats:
    """Return points inside the lungs, clear of the pleura and of nodules."""
    low, high = np.array([-132, -92, 20], np.float32), np.array([132, 94, 298], np.float32)
    points = rng.uniform(low, high, (count * 5, 3)).astype(np.float32)
    kept = replace(anatomy, breath=0.0).lung(points[:, 0], points[:, 1], points[:, 2]) < -3.5
    for nodule in anatomy.nodules:
        kept &= np.linalg.norm(points - np.asarray(nodule.centre, np.float32), axis=1) > _CLEAR
    scattered: Floats = points[kept][:count]
    return scattered
