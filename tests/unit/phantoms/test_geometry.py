import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.phantoms.geometry import FAR, Node, cone, coverage, ellipsoid, profile, tube


def points(*values):
    return np.array(values, np.float32)


class TestDistances:
    @given(st.floats(-200, 200), st.floats(1, 60))
    def test_a_sphere_is_exact(self, x, radius):
        distance = ellipsoid(points(x), points(0.0), 0.0, center=(0, 0, 0), radii=(radius, radius, radius))
        assert distance[0] == pytest.approx(abs(x) - radius, abs=1e-2)

    def test_a_cone_narrows_from_start_to_end(self):
        start, end = Node(0, 0, 0, 4), Node(10, 0, 0, 2)
        assert cone(points(0, 5, 10), points(10, 10, 10), 0.0, start, end) == pytest.approx([6, 7, 8])

    def test_a_tube_far_from_the_slice_only_says_far(self):
        assert tube(points(0.0), points(0.0), 100.0, (Node(0, 0, 0, 2), Node(5, 0, 0, 2))) == pytest.approx([FAR])

    def test_half_a_voxel_lies_inside_at_the_edge(self):
        assert coverage(points(-1, 0, 1), 1.0) == pytest.approx([1, 0.5, 0])


class TestProfile:
    def test_passes_through_its_points_and_stays_level_beyond_them(self):
        assert profile(points(-5, 0, 10, 20, 99), (0, 10, 20), (1, 3, 2)) == pytest.approx([1, 1, 3, 2, 2])
