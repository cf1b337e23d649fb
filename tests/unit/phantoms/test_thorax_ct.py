from dataclasses import replace

import numpy as np
import pytest

from api.demo.hospital import Phantom
from api.demo.recipes import CHEST_SCANS, FIRST_DIAMETER, NODULE_CENTRE, SECOND_DIAMETER
from imaging_core.phantoms.thorax_anatomy import ThoraxAnatomy
from imaging_core.phantoms.thorax_ct import Acquisition, render_thorax, table_row

STANDARD = ThoraxAnatomy(seed=11)


def scan_around(x, y, z, *, size=32, slices=3, anatomy=STANDARD, **more):
    """A small piece of a full-resolution scan with its middle at a patient point."""
    acquisition = Acquisition(
        rows=size, columns=size, slices=slices, lowest=z - (slices - 1) / 2, centre=(x, y), detail=0.05, **more
    )
    return render_thorax(anatomy, acquisition)


class TestHounsfieldValues:
    @pytest.mark.parametrize(
        ("tissue", "point", "low", "high"),
        [
            ("liver", (-80, -10, 60), 50, 66),
            ("spleen", (90, 20, 56), 42, 58),
            ("blood in the aorta", (26, 38, 120), 36, 50),
            ("heart", (34, -28, 120), 36, 58),
            ("fat under the skin", (0, -105, 160), -115, -80),
            ("muscle beside the spine", (20, 93, 150), 35, 65),
            ("air in the windpipe", (0, 14, 250), -1010, -960),
            ("air outside the body", (0, -118, 150), -1010, -985),
            ("marrow of a vertebra", (0, 57, 137.5), 120, 230),
        ],
    )
    def test_are_those_of_the_tissue(self, tissue, point, low, high):
        middle = scan_around(*point, size=8)
        assert low <= middle.mean() <= high, tissue

    def test_lung_is_darker_in_front_than_behind_as_in_somebody_lying_on_his_back(self):
        front, behind = (np.median(scan_around(-85, y, 190, size=24)) for y in (-50, 55))
        assert -900 < front < behind < -800

    def test_cortical_bone_is_brighter_than_500(self):
        assert scan_around(0, 57, 125, size=64, slices=2, noise=0.0).max() > 500

    def test_the_calcified_aortic_arch_is_above_400_and_the_healthy_one_is_not(self):
        place = {"size": 48, "slices": 8, "noise": 0.0}
        assert scan_around(30, 20, 212, **place).max() > 400
        assert scan_around(30, 20, 212, anatomy=replace(STANDARD, aortic_calcification=False), **place).max() < 150

    def test_noise_in_soft_tissue_is_about_twelve_units_and_grainy(self):
        clean = scan_around(-80, -10, 60, size=48, noise=0.0).astype(float)
        noise = scan_around(-80, -10, 60, size=48) - clean
        assert 9 < noise.std() < 14
        beside = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
        assert 0.2 < beside < 0.9  # neighbours share noise, unlike in white noise


class TestNodule:
    @staticmethod
    def _scan(phantom):
        scan = CHEST_SCANS[phantom]
        acquisition = replace(
            scan.acquisition,
            rows=64,
            columns=64,
            slices=24,
            lowest=NODULE_CENTRE[2] - 12 * scan.acquisition.slice_spacing,
            centre=(NODULE_CENTRE[0], NODULE_CENTRE[1]),
        )
        volume = render_thorax(scan.anatomy, acquisition)
        column, row, slice_ = (round(place) for place in acquisition.position(NODULE_CENTRE))
        reach = 9
        box = volume[
            slice_ - reach : slice_ + reach + 1, row - reach : row + reach + 1, column - reach : column + reach + 1
        ]
        return box > -410, acquisition  # half way between lung and nodule

    @pytest.mark.parametrize(
        ("phantom", "diameter"),
        [(Phantom.CHEST_CT_FIRST, FIRST_DIAMETER), (Phantom.CHEST_CT_SECOND, SECOND_DIAMETER)],
    )
    def test_measures_what_the_report_says(self, phantom, diameter):
        inside, acquisition = self._scan(phantom)
        voxel = acquisition.pixel_spacing**2 * acquisition.slice_spacing
        by_volume = (6 * inside.sum() * voxel / np.pi) ** (1 / 3)
        middle_row = inside[9, 8].sum() * acquisition.pixel_spacing
        assert by_volume == pytest.approx(diameter, abs=0.5)
        assert middle_row == pytest.approx(diameter, abs=acquisition.pixel_spacing)

    def test_lies_where_the_acquisition_says(self):
        inside, _ = self._scan(Phantom.CHEST_CT_FIRST)
        # 64 pixels have their middle between two of them, hence the halves.
        assert np.argwhere(inside).mean(axis=0) == pytest.approx([9, 8.5, 8.5], abs=0.2)

    def test_a_person_keeps_his_vessels_between_two_scans(self):
        first, second = (
            render_thorax(
                replace(CHEST_SCANS[phantom].anatomy, breath=0.0),
                Acquisition(rows=64, columns=64, slices=2, lowest=190, centre=(-85, 20), noise=0.0, detail=0.1),
            )
            for phantom in (Phantom.CHEST_CT_FIRST, Phantom.CHEST_CT_SECOND)
        )
        assert np.array_equal(first, second)
        assert (first > -300).any()


class TestScan:
    def test_same_seed_gives_the_same_voxels_and_another_seed_other_noise(self):
        assert np.array_equal(scan_around(0, 0, 150), scan_around(0, 0, 150))
        assert not np.array_equal(scan_around(0, 0, 150), scan_around(0, 0, 150, seed=2))

    @pytest.mark.parametrize("phantom", CHEST_SCANS)
    def test_the_patient_lies_on_the_table_not_in_it(self, phantom):
        scan = CHEST_SCANS[phantom]
        strip = replace(scan.acquisition, columns=8, slices=1, lowest=150, noise=0.0, detail=0.01)
        with_table, without = (render_thorax(scan.anatomy, replace(strip, table=t))[0, :, 4] for t in (True, False))
        first_changed, last_of_body = np.flatnonzero(with_table != without)[0], np.flatnonzero(without > -500)[-1]
        assert last_of_body < first_changed <= table_row(strip) + 1
        assert with_table[table_row(strip) :].max() > -500

    def test_an_image_beside_the_body_is_refused(self):
        with pytest.raises(ValueError, match="body"):
            scan_around(0, -300, 150)

    def test_progress_counts_every_slice(self):
        seen: list[int] = []
        render_thorax(STANDARD, Acquisition(rows=32, columns=32, pixel_spacing=11, slices=3, detail=0.01), seen.append)
        assert seen == [1, 2, 3]
