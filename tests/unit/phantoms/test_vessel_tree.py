import numpy as np

from imaging_core.phantoms.vessel_tree import grow, rasterise

TARGETS = np.random.default_rng(3).uniform(-30, 30, (60, 3)).astype(np.float32)


def tree(balance=0.2):
    return grow((0, 0, -40), TARGETS, balance=balance, end_radius=0.5, rng=np.random.default_rng(1))


class TestGrowing:
    def test_every_branch_ends_in_a_target_and_none_is_left_far_away(self):
        grown = tree()
        ends = sorted(set(range(len(grown.parents))) - set(grown.parents.tolist()))
        gaps = np.linalg.norm(grown.joints[:, None] - TARGETS[None], axis=2)
        assert gaps[ends].min(axis=1).max() < 1e-3
        assert gaps.min(axis=0).max() < 10

    def test_no_branch_is_thicker_than_the_one_it_leaves(self):
        grown = tree()
        assert (grown.radii[grown.parents] >= grown.radii).all()

    def test_the_root_carries_all_ends_by_murrays_law(self):
        grown = tree()
        ends = len(grown.parents) - len(set(grown.parents.tolist()))
        assert grown.radii[0] == np.float32(0.5 * ends ** (1 / 2.7))

    def test_trimming_leaves_thick_branches_connected(self):
        trimmed = tree().trimmed(0.9)
        assert 1 < len(trimmed.radii) < len(tree().radii)
        assert (trimmed.parents[1:] < np.arange(1, len(trimmed.parents))).all()
        assert trimmed.radii.min() >= 0.9


class TestRasterising:
    def test_a_branch_covers_its_length_times_its_area(self):
        grown = grow(
            (0, 0, 0), np.array([[0, 0, 20]], np.float32), balance=0, end_radius=3, rng=np.random.default_rng(1)
        )
        origin, spacing = np.array([-10, -10, -10], np.float32), np.ones(3, np.float32)
        filled = rasterise([grown], (40, 20, 20), origin=origin, spacing=spacing).sum() / 255
        assert 0.9 < filled / (np.pi * 9 * 20 + 4 / 3 * np.pi * 27) < 1.1
