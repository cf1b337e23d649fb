"""The order in which a viewer pages through a series."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.derive.ordering import in_anatomical_order

AXIAL = [0.0, 0.0, 1.0]


def slice_at(z: float, number: int | None, normal: list[float] | None = None) -> dict[str, Any]:
    return {
        "sop_instance_uid": f"1.2.{z}.{number}",
        "instance_number": number,
        "position": {"normal": normal or AXIAL, "origin": [0.0, 0.0, z]},
    }


def heights(instances: list[Any]) -> list[float]:
    return [instance["position"]["origin"][2] for instance in instances]


class TestAnatomicalOrder:
    def test_follows_the_position_even_where_numbers_jump(self):
        mixed = [slice_at(3, 1), slice_at(1, 3), slice_at(4, 2), slice_at(2, 4)]
        assert heights(in_anatomical_order(mixed)) in ([1, 2, 3, 4], [4, 3, 2, 1])

    def test_starts_where_the_scanner_started(self):
        head_first = [slice_at(-float(n), n) for n in range(1, 6)]
        assert heights(in_anatomical_order(head_first)) == [-1, -2, -3, -4, -5]
        feet_first = [slice_at(float(n), n) for n in range(1, 6)]
        assert heights(in_anatomical_order(feet_first)) == [1, 2, 3, 4, 5]

    def test_several_images_of_one_place_stay_in_the_order_of_their_numbers(self):
        phases = [slice_at(n % 2, n) for n in range(1, 5)]
        assert [i["instance_number"] for i in in_anatomical_order(phases[::-1])] == [1, 2, 3, 4]

    def test_planes_that_are_not_parallel_are_not_compared(self):
        localizers = [slice_at(5, 1), slice_at(1, 2, [1.0, 0.0, 0.0]), slice_at(3, 3)]
        assert [i["instance_number"] for i in in_anatomical_order(localizers)] == [1, 2, 3]

    def test_without_position_or_number_it_is_still_one_order(self):
        bare = [{"sop_instance_uid": uid, "instance_number": None, "position": None} for uid in ("1.3", "1.2")]
        numbered = {"sop_instance_uid": "1.9", "instance_number": 7, "position": None}
        assert [i["sop_instance_uid"] for i in in_anatomical_order([*bare, numbered])] == ["1.9", "1.2", "1.3"]

    @given(st.permutations([slice_at(float(z), z) for z in range(12)]))
    def test_does_not_depend_on_the_order_of_arrival(self, arrived: list[Any]):
        assert heights(in_anatomical_order(arrived)) == [float(z) for z in range(12)]

    @pytest.mark.parametrize("count", [0, 1])
    def test_needs_no_second_slice(self, count: int):
        assert len(in_anatomical_order([slice_at(0, 1)][:count])) == count
