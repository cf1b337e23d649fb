"""Branching trees that fill a lung: arteries, veins and airways.

A tree grows towards scattered targets. Each target joins the tree where the way to it and the way from there
back to the root are short together (a balanced minimum spanning tree), and a branch that feeds n ends is
thicker than one end by n to the power 1/2.7 (after Murray).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging_core.phantoms.geometry import Floats

_MURRAY = 1 / 2.7
_STEP = 7.0
"""A branch has a joint every so many mm, where others may leave."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Joints in mm; joint n continues joint `parents[n]`; the root is its own parent."""

    joints: Floats
    """Shape (n, 3): x, y, z."""
    parents: NDArray[np.int64]
    radii: Floats
    """Shape (n,): radius of the branch that ends in the joint, mm."""

    def trimmed(self, radius: float) -> "Tree":
        """Return the tree without the branches thinner than `radius`."""
        kept = self.radii >= radius
        kept[0] = True
        renumbered = np.cumsum(kept) - 1
        # A branch is never thicker than the one it leaves, so the parent of a kept joint is kept.
        return Tree(self.joints[kept], renumbered[self.parents[kept]], self.radii[kept])

    def segments(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return starts, ends (n-1, 3) and their radii (n-1,)."""
        own = np.arange(1, len(self.parents))
        parents = self.parents[own]
        starts, ends = self.joints[parents], self.joints[own]
        # A thin branch leaves a thick one with its own width, not as a funnel.
        start_radii = np.minimum(self.radii[parents], self.radii[own] * 1.25)
        return starts, ends, start_radii, self.radii[own]


def grow(
    root: Sequence[float], targets: Floats, *, balance: float, end_radius: float, rng: np.random.Generator
) -> Tree:
    """Grow a tree from `root` to every target; `balance` 0 saves length, 1 saves the way to the root."""
    start = np.asarray(root, np.float32)
    order = np.argsort(np.linalg.norm(targets - start, axis=1))
    room = len(targets) * 40 + 1
    joints, ways = np.zeros((room, 3), np.float32), np.zeros(room, np.float32)
    parents = np.zeros(room, np.int64)
    joints[0], used = start, 1
    for target in targets[order]:
        gaps = np.linalg.norm(joints[:used] - target, axis=1)
        near = int(np.argmin(gaps + balance * ways[:used]))
        steps = max(1, int(gaps[near] / _STEP))
        for step in range(1, steps + 1):
            bend = rng.normal(0, 0.5, 3) * (step < steps)
            joints[used] = joints[near] + (target - joints[near]) / (steps - step + 1) + bend
            ways[used] = ways[near] + np.linalg.norm(joints[used] - joints[near])
            parents[used] = near
            near, used = used, used + 1
    return Tree(_relaxed(joints[:used], parents[:used]), parents[:used], _radii(parents[:used], end_radius))


def _relaxed(joints: Floats, parents: NDArray[np.int64]) -> Floats:
    """Return the joints pulled towards their neighbours: vessels bend, they have no corners."""
    children = np.bincount(parents[1:], minlength=len(parents))
    for _ in range(3):
        below = np.zeros_like(joints)
        np.add.at(below, parents[1:], joints[1:])
        middle = joints * 0.4 + joints[parents] * 0.3 + below / np.maximum(children, 1)[:, None] * 0.3
        moves = (children > 0) & (np.arange(len(parents)) > 0)
        joints = np.where(moves[:, None], middle, joints).astype(np.float32)
    return joints


def _radii(parents: NDArray[np.int64], end_radius: float) -> Floats:
    ends = np.zeros(len(parents), np.int64)
    has_child = np.zeros(len(parents), bool)
    has_child[parents[1:]] = True
    ends[~has_child] = 1
    for joint in range(len(parents) - 1, 0, -1):  # children always stand behind their parents
        ends[parents[joint]] += ends[joint]
    return (end_radius * np.maximum(ends, 1) ** _MURRAY).astype(np.float32)


def rasterise(
    trees: Sequence[Tree], shape: tuple[int, int, int], *, origin: Floats, spacing: Floats, grow_by: float = 0.0
) -> NDArray[np.uint8]:
    """Return how much of each voxel (slice, row, column) the branches fill, 0 to 255.

    `origin` is the centre of the first voxel and `spacing` the voxel size, both x, y, z in mm. `grow_by` thickens
    every branch by so many mm (the wall of an airway).
    """
    volume = np.zeros(shape, np.uint8)
    for tree in trees:
        starts, ends, start_radii, end_radii = tree.segments()
        for part in zip((starts - origin), (ends - origin), start_radii + grow_by, end_radii + grow_by, strict=True):
            _draw(volume, *part, spacing)
    return volume


def _draw(
    volume: NDArray[np.uint8], start: Floats, end: Floats, start_radius: float, end_radius: float, spacing: Floats
) -> None:
    reach = max(start_radius, end_radius) + float(spacing.max())
    low = np.floor((np.minimum(start, end) - reach) / spacing).astype(int)
    high = np.ceil((np.maximum(start, end) + reach) / spacing).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, np.array(volume.shape[::-1]))
    if (low >= high).any():
        return
    x, y, z = (np.arange(a, b, dtype=np.float32) * s for a, b, s in zip(low, high, spacing, strict=True))
    axis = end - start
    px, py, pz = x[None, None, :] - start[0], y[None, :, None] - start[1], z[:, None, None] - start[2]
    along = (px * axis[0] + py * axis[1] + pz * axis[2]) / max(float(axis @ axis), 1e-6)
    np.clip(along, 0, 1, out=along)
    square = (px - along * axis[0]) ** 2
    square += (py - along * axis[1]) ** 2
    square += (pz - along * axis[2]) ** 2
    radius = start_radius + (end_radius - start_radius) * along
    width = float(spacing.mean())
    # A branch thinner than a voxel fades instead of vanishing.
    fade = np.minimum(1.0, 2 * radius / width)
    share = np.clip(0.5 + (np.maximum(radius, width / 2) - np.sqrt(square)) / width, 0, 1) * fade
    part = volume[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    np.maximum(part, (share * 255).astype(np.uint8), out=part)
