import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import median_ratio, percentile

series = st.lists(st.floats(0.001, 1000), min_size=1, max_size=50)


class TestPercentile:
    @given(series, st.floats(0, 1))
    def test_is_one_of_the_values(self, values, share):
        assert percentile(values, share) in values

    @given(series)
    def test_ends_are_the_smallest_and_the_largest(self, values):
        assert (percentile(values, 0), percentile(values, 1)) == (min(values), max(values))


class TestMedianRatio:
    def test_compares_neighbours_so_that_a_slow_minute_hits_both(self):
        assert median_ratio([10, 100, 12], [5, 50, 6]) == 2

    @given(series)
    def test_of_a_series_with_itself_is_one(self, values):
        assert median_ratio(values, values) == pytest.approx(1)

    def test_refuses_series_that_did_not_run_in_turn(self):
        with pytest.raises(ValueError, match="zip"):
            median_ratio([1, 2], [1])
