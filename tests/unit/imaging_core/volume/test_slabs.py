"""Slabs and planes against the definition written out point by point; series that are no stack are refused in words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.errors import SlabNotPossible
from imaging_core.volume.pixels import described, stored_pixels, values_of
from imaging_core.volume.planes import NativePlane, SampledPlane, plane_of
from imaging_core.volume.projection import native_slab, sampled_slab
from imaging_core.volume.slices import Slice, slices_of
from imaging_core.volume.stack import Stack, stack_of
from imaging_core.volume.wish import Mode, NamedPlane, ObliquePlane, SlabWish
from tests.builders import slabs as reference

SPACING = (0.8, 0.7)
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
MODES = st.sampled_from(list(Mode))


def turned(angle: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rows stay left to right, columns are tilted towards the feet, as by a coil or a gantry."""
    return (1.0, 0.0, 0.0), (0.0, float(np.cos(angle)), -float(np.sin(angle)))


def slices(places: Any, *, rows=5, columns=6, axes=AXIAL, shear: float = 0.0, **changes: Any) -> list[Slice]:
    """Slices at places along their normal; `shear` moves each along its columns by so many millimetres a millimetre."""
    row, column = np.array(axes[0]), np.array(axes[1])
    normal = np.cross(row, column)
    usual: dict[str, Any] = {"slope": 1.0, "intercept": 0.0, "bits": 16, "signed": True, "spacing": SPACING}
    return [
        Slice(
            sop_instance_uid=f"1.2.{number}",
            frame_number=1,
            origin=list(map(float, place * normal + shear * place * column)),
            row=axes[0],
            column=axes[1],
            rows=rows,
            columns=columns,
            description={},
            **(usual | changes),
        )
        for number, place in enumerate(places)
    ]


def voxels(count: int, rows=5, columns=6, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 3000, (count, rows, columns), dtype=np.int16)


def made(stack: Stack, volume: np.ndarray, wish: SlabWish):
    """Return the plane, the stored pixels and their metadata."""
    plane = plane_of(stack, wish)

    def load(first: int, end: int) -> np.ndarray:
        lost = np.zeros_like(volume)
        lost[first:end] = volume[first:end]  # what was not asked for must not count
        return lost

    if isinstance(plane, NativePlane):
        projection = native_slab(stack, plane, wish.mode, wish.thickness, load)
    else:
        projection = sampled_slab(stack, plane, wish.mode, load)
    pixels, about = stored_pixels(stack, projection)
    return plane, pixels, *described(stack, plane, wish, projection, about)


places = st.lists(st.floats(0.4, 4.0), min_size=3, max_size=8).map(lambda gaps: np.cumsum([0.0, *gaps]))


@pytest.mark.clause("R2.8")
class TestSlabsOfTheSlicesThemselves:
    @settings(deadline=None)
    @given(places, st.floats(0, 12), MODES, st.data())
    def test_put_the_slices_together_whose_centre_lies_within(self, along, thickness, mode, data):
        stack = stack_of(slices(along))
        volume = voxels(len(along))
        center = data.draw(st.integers(0, len(along) - 1))
        plane, pixels, _, told = made(stack, volume, SlabWish(NamedPlane.NATIVE, mode, thickness, center + 1))
        expected = reference.native(
            volume, stack.along, center, thickness, mode, list(np.flatnonzero(stack.hole_after))
        )
        assert np.array_equal(pixels, reference.rounded(expected))
        assert told["count"] == len(along)
        assert isinstance(plane, NativePlane)

    def test_of_ten_millimetres_at_one_millimetre_hold_eleven_slices_the_outer_two_by_half(self):
        stack, volume = stack_of(slices(range(30))), voxels(30)
        _, pixels, _, told = made(stack, volume, SlabWish(NamedPlane.AXIAL, Mode.AVGIP, 10.0, 15))
        middle = 30 - 15  # numbered from the head, sorted from the feet
        part = volume[middle - 5 : middle + 6].astype(float)
        expected = (part[1:-1].sum(axis=0) + (part[0] + part[-1]) / 2) / 10
        assert np.array_equal(pixels, np.floor(expected + reference.ROUNDING))
        assert told["slices"] == 11

    def test_without_thickness_are_the_slice_bit_by_bit(self):
        stack, volume = stack_of(slices(range(4))), voxels(4)
        for mode in Mode:
            _, pixels, _, _ = made(stack, volume, SlabWish(NamedPlane.NATIVE, mode, 0.0, 3))
            assert np.array_equal(pixels, volume[2])
            assert pixels.dtype == np.int16

    def test_are_numbered_as_the_manifest_lists_the_slices(self):
        falling = slices([3, 2, 1, 0])
        stack, volume = stack_of(falling), voxels(4)
        _, pixels, metadata, _ = made(stack, volume, SlabWish(NamedPlane.NATIVE, Mode.MIP, 0.0, 1))
        assert metadata["00200032"]["Value"] == falling[0].origin
        assert np.array_equal(pixels, volume[3])

    def test_say_where_slices_are_missing_and_do_not_let_a_neighbour_stand_for_them(self):
        along = np.array([0.0, 1, 2, 3, 7, 8, 9, 10])
        stack, volume = stack_of(slices(along)), voxels(8)
        _, pixels, _, told = made(stack, volume, SlabWish(NamedPlane.NATIVE, Mode.AVGIP, 8.0, 4))
        assert (told["complete"], told["missing"]) == (False, [[3.0, 7.0]])
        assert np.array_equal(pixels, reference.rounded(reference.native(volume, along, 3, 8.0, "avgip", [3])))
        whole = made(stack, volume, SlabWish(NamedPlane.NATIVE, Mode.AVGIP, 4.0, 2))[3]
        assert whole["complete"]

    def test_a_change_of_spacing_is_no_missing_slice(self):
        assert not stack_of(slices([0, 3, 6, 9, 16, 23, 30])).hole_after.any()
        assert list(np.flatnonzero(stack_of(slices([0, 1, 2, 4, 6, 7, 8])).hole_after)) == [2, 3]

    @settings(deadline=None, max_examples=25)
    @given(MODES, st.floats(-0.6, 0.6).filter(lambda shear: abs(shear) > 0.05), st.floats(0, 6))
    def test_of_a_tilted_gantry_are_moved_back_into_place(self, mode, shear, thickness):
        stack, volume = stack_of(slices(range(6), shear=shear)), voxels(6)
        _, pixels, _, told = made(stack, volume, SlabWish(NamedPlane.NATIVE, mode, thickness, 3))
        assert told["interpolated"]
        origins, axes = (
            np.array([item.origin for item in stack.slices]),
            (stack.row, stack.column, stack.normal),
        )
        counted = [k for k in range(6) if abs(stack.along[k] - 2) <= thickness / 2 + reference.NEAR]
        # what each slice has where the pixel's line through the middle slice meets it
        lines = np.full((len(counted), 5, 6), np.nan)
        for at, k in enumerate(counted):
            for j in range(5):
                for i in range(6):
                    place = origins[2] + i * SPACING[1] * stack.row + j * SPACING[0] * stack.column
                    place = place + (stack.along[k] - 2) * stack.normal
                    value = reference.point(volume, origins, axes, SPACING, place)
                    lines[at, j, i] = np.nan if value is None else value
        if mode is Mode.AVGIP:
            weights = np.array([min(k + 0.5, 2 + thickness / 2) - max(k - 0.5, 2 - thickness / 2) for k in counted])
            weights = weights if weights.sum() else np.ones(1)
            shares = np.where(np.isnan(lines), 0, weights[:, None, None])
            expected = np.nansum(lines * shares, axis=0) / shares.sum(axis=0)
        else:
            expected = (np.nanmax if mode is Mode.MIP else np.nanmin)(lines, axis=0)
        assert np.array_equal(pixels, reference.rounded(expected))


@pytest.mark.clause("R2.8")
class TestOtherPlanes:
    def compare(self, stack: Stack, volume: np.ndarray, wish: SlabWish) -> None:
        plane, pixels, metadata, _ = made(stack, volume, wish)
        assert isinstance(plane, SampledPlane)
        origins = np.array([item.origin for item in stack.slices])
        expected = reference.sampled(
            volume,
            origins,
            (stack.row, stack.column, stack.normal),
            stack.spacing,
            (plane.origin, plane.row, plane.column, plane.spacing, plane.rows, plane.columns),
            wish.thickness,
            wish.mode,
            list(np.flatnonzero(stack.hole_after)),
        )
        unknown = np.isnan(expected)
        padding = (metadata.get("00280120") or {"Value": [None]})["Value"][0]
        assert (padding is None) == (not unknown.any())
        if padding is not None:
            assert np.array_equal(pixels == padding, unknown)
        assert np.array_equal(pixels[~unknown], reference.rounded(expected)[~unknown])

    @settings(deadline=None, max_examples=20)
    @given(places, st.sampled_from([NamedPlane.CORONAL, NamedPlane.SAGITTAL]), st.floats(0, 4), MODES)
    def test_of_the_patient_are_interpolated_between_the_true_places_of_slices(self, along, plane, thickness, mode):
        self.compare(stack_of(slices(along)), voxels(len(along)), SlabWish(plane, mode, thickness))

    @settings(deadline=None, max_examples=20)
    @given(st.floats(0.1, 0.8), st.just(0.0) | st.floats(0.05, 0.4), st.sampled_from(list(NamedPlane)[1:]), MODES)
    def test_of_tilted_and_sheared_slices_lie_straight_in_the_patient(self, angle, shear, plane, mode):
        stack = stack_of(slices([0, 1.1, 2.3, 3.2, 4.4], axes=turned(angle), shear=shear))
        self.compare(stack, voxels(5), SlabWish(plane, mode, 1.7))

    @settings(deadline=None, max_examples=20)
    @given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.floats(0, 4), MODES)
    def test_lie_in_any_direction(self, numbers, thickness, mode):
        row = np.array([1.0, 0, 0]) + 0.5 * np.array(numbers[:3])
        row /= np.linalg.norm(row)
        column = np.array([0, 0.3, 1.0]) + 0.5 * np.array(numbers[3:])
        column -= (column @ row) * row
        column /= np.linalg.norm(column)
        origin = np.array([1.5, 1.5, 3.0]) - 2 * row - 2 * column
        plane = ObliquePlane(tuple(origin), tuple(row), tuple(column), 0.5, 9, 8)
        stack = stack_of(slices([0, 1, 2, 3, 4, 5]))
        self.compare(stack, voxels(6), SlabWish(plane, mode, thickness))

    def test_show_nothing_where_slices_are_missing(self):
        along = [0, 1, 2, 3, 7, 8, 9, 10]
        stack, volume = stack_of(slices(along)), voxels(8)
        wish = SlabWish(NamedPlane.SAGITTAL, Mode.MIP, 0.0)
        self.compare(stack, volume, wish)
        _, pixels, metadata, told = made(stack, volume, wish)
        lost = (pixels == metadata["00280120"]["Value"][0]).all(axis=1)
        assert lost.sum() > 3
        assert not told["complete"]

    def test_run_from_front_to_back_right_to_left_and_head_to_feet(self):
        stack, volume = stack_of(slices(range(5))), voxels(5)
        _, _, coronal, told = made(stack, volume, SlabWish(NamedPlane.CORONAL, Mode.MIP, 0.0, 1))
        assert coronal["00200032"]["Value"] == [0.0, 0.0, 4.0]
        assert coronal["00200037"]["Value"] == [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
        assert (told["count"], coronal["00280030"]["Value"]) == (5, [0.7, 0.7])  # 3.2 mm in steps of 0.7 mm
        _, last, sagittal, told = made(stack, volume, SlabWish(NamedPlane.SAGITTAL, Mode.MIP, 0.0, 6))
        assert sagittal["00200032"]["Value"][0] == pytest.approx(3.5)
        assert last[0, 0] == volume[4, 0, 5]

    def test_beyond_the_series_are_refused(self):
        stack, volume = stack_of(slices(range(5))), voxels(5)
        beyond = ObliquePlane((0, 0, 90), (1, 0, 0), (0, 1, 0), 1, 4, 4)
        for wish in (
            SlabWish(NamedPlane.CORONAL, Mode.MIP, 0.0, 6),
            SlabWish(NamedPlane.NATIVE, Mode.MIP, 0.0, 0),
            SlabWish(beyond, Mode.MIP, 1.0),
        ):
            with pytest.raises(SlabNotPossible) as refused:
                made(stack, volume, wish)
            assert refused.value.reason_code == "no_such_plane"

    @pytest.mark.parametrize(
        ("row", "column", "rows", "thickness", "reason"),
        [
            ((0, 0, 0), (0, 1, 0), 4, 1, "bad_plane"),
            ((1, 0, 0), (1, 1, 0), 4, 1, "bad_plane"),
            ((1, 0, 0), (0, float("nan"), 0), 4, 1, "bad_plane"),
            ((1, 0, 0), (0, 1, 0), 4097, 1, "too_large"),
            ((1, 0, 0), (0, 1, 0), 4096, 1000, "too_large"),
        ],
    )
    def test_that_are_none_or_too_large_are_refused(self, row, column, rows, thickness, reason):
        wish = SlabWish(ObliquePlane((0, 0, 0), row, column, 1, rows, 4096), Mode.MIP, thickness)
        with pytest.raises(SlabNotPossible) as refused:
            made(stack_of(slices(range(3))), voxels(3), wish)
        assert refused.value.reason_code == reason


class TestValues:
    def test_of_slices_with_their_own_rescale_are_put_together_after_it(self):
        several = [*slices([0, 1, 2]), *slices([3, 4], slope=3.5, intercept=-20.0)]
        stack = stack_of(several)
        volume = (
            voxels(5) * np.array([[item.slope] for item in stack.slices])[..., None]
            + np.array([[item.intercept] for item in stack.slices])[..., None]
        )
        _, pixels, metadata, _ = made(stack, volume, SlabWish(NamedPlane.NATIVE, Mode.MIP, 3.0, 3))
        expected = reference.native(volume, stack.along, 2, 3.0, "mip")
        slope = metadata["00281053"]["Value"][0]
        assert pixels.dtype == np.uint16
        assert np.abs(values_of(pixels, metadata) - expected).max() <= slope * (0.5 + 2**-9)

    def test_keep_their_type_unless_padding_needs_more(self):
        stack = stack_of(slices(range(4), bits=8, signed=False))
        volume = np.zeros((4, 5, 6), np.uint8)
        assert made(stack, volume, SlabWish(NamedPlane.NATIVE, Mode.MIP, 2.0, 2))[1].dtype == np.uint8
        tilted = stack_of(slices(range(4), bits=8, signed=False, axes=turned(0.5)))
        _, pixels, metadata, _ = made(tilted, volume, SlabWish(NamedPlane.CORONAL, Mode.MIP, 0.0))
        assert pixels.dtype == np.int16
        assert (metadata["00280120"]["Value"], set(pixels.ravel().tolist())) == ([-1], {-1, 0})


class TestSeriesThatAreNoStack:
    @pytest.mark.parametrize(
        ("found", "reason"),
        [
            ([], "no_slices"),
            ([*slices([0, 1]), *slices([5], axes=turned(0.3))], "mixed_orientations"),
            ([*slices([0, 1]), *slices([5], rows=4)], "mixed_sizes"),
            ([*slices([0, 1]), *slices([5], spacing=(0.8, 0.71))], "mixed_sizes"),
            ([*slices([0, 1]), *slices([0, 1])], "several_per_place"),
            (slices([0, 1], slope=0.0), "bad_rescale"),
            (slices([0, 1], slope=float("inf")), "bad_rescale"),
            (slices([0, 1], axes=((1, 0, 0), (1, 0, 0))), "no_position"),
            (slices([0, 1], axes=((0, 0, 0), (0, 1, 0))), "no_position"),
            (slices(range(2000), rows=4096, columns=4096), "too_large"),
        ],
    )
    def test_are_refused_with_a_reason(self, found, reason):
        with pytest.raises(SlabNotPossible) as refused:
            stack_of(found)
        assert refused.value.reason_code == reason

    def test_one_slice_has_no_other_planes(self):
        with pytest.raises(SlabNotPossible) as refused:
            made(stack_of(slices([0])), voxels(1), SlabWish(NamedPlane.CORONAL, Mode.MIP, 0.0))
        assert refused.value.reason_code == "one_slice"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"00280004": {"Value": ["RGB"]}}, "colour"),
            ({"00283000": {"Value": [{}]}}, "modality_lut"),
            ({"7FE00008": {"vr": "OF"}}, "floating_point"),
            ({"00200032": {"Value": []}}, "no_position"),
            ({"00200037": {"Value": [1, 0, 0]}}, "no_position"),
            ({"00280030": {}}, "no_spacing"),
            ({"00280030": {"Value": [0, 1]}}, "no_spacing"),
        ],
    )
    def test_frames_that_cannot_be_placed_are_refused_with_a_reason(self, changes, reason):
        metadata = {
            "00280004": {"Value": ["MONOCHROME2"]},
            "00200032": {"Value": [0, 0, 0]},
            "00200037": {"Value": [1, 0, 0, 0, 1, 0]},
            "00280030": {"Value": [1, 1]},
        }
        with pytest.raises(SlabNotPossible) as refused:
            slices_of([{"sop_instance_uid": "1.2", "metadata": metadata | changes, "spans": [[]]}])
        assert refused.value.reason_code == reason
