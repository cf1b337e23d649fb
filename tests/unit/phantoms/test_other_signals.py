import numpy as np
import pytest

from imaging_core.phantoms.ecg import LEADS, EcgAcquisition, render_ecg
from imaging_core.phantoms.endoscopy import EndoscopyAcquisition, render_endoscopy
from imaging_core.phantoms.head_mr import HeadAcquisition, HeadAnatomy, Weighting, render_head
from imaging_core.phantoms.radiograph import project_chest
from imaging_core.phantoms.tissue import MicroscopyAcquisition, render_tissue
from imaging_core.phantoms.ultrasound import EchoAcquisition, render_echo

MILLIVOLTS = dict(zip(LEADS, render_ecg(EcgAcquisition()), strict=True))


class TestEcg:
    def test_limb_leads_obey_einthoven_and_goldberger(self):
        leads = MILLIVOLTS
        assert leads["I"] + leads["III"] == pytest.approx(leads["II"])
        assert leads["aVR"] + leads["aVL"] + leads["aVF"] == pytest.approx(np.zeros(5000), abs=1e-9)

    def test_polarities_are_those_of_a_healthy_heart(self):
        upright = {lead: abs(values.max()) > abs(values.min()) for lead, values in MILLIVOLTS.items()}
        assert not upright["aVR"]
        assert not upright["V1"]
        assert all(upright[lead] for lead in ("I", "II", "aVF", "V4", "V5", "V6"))

    def test_the_rate_is_the_one_asked_for(self):
        lead = MILLIVOLTS["II"]
        peaks = np.flatnonzero((lead[1:-1] > 0.7) & (lead[1:-1] >= lead[:-2]) & (lead[1:-1] > lead[2:]))
        beats = peaks[np.insert(np.diff(peaks) > 200, 0, True)]
        assert 60 / (np.diff(beats).mean() / 500) == pytest.approx(72, abs=3)


class TestHeadMr:
    LESION = (-24.0, -22.0, 26.0)

    @staticmethod
    def _signal(weighting, lesions=()):
        acquisition = HeadAcquisition(slices=1, lowest=26.0)
        return render_head(HeadAnatomy(5, lesions=lesions), acquisition, weighting)[0].astype(int)

    def _at(self, picture, x, y):
        row, column = round(y / 0.9 + 127.5), round(x / 0.9 + 127.5)
        return picture[row - 1 : row + 2, column - 1 : column + 2].mean()

    def test_fluid_is_dark_in_t1_and_bright_in_t2(self):
        ventricles = [
            render_head(HeadAnatomy(5), HeadAcquisition(slices=1, lowest=14.0), weighting)[0] for weighting in Weighting
        ]
        t1, t2 = (self._at(picture.astype(int), 8, 14) for picture in ventricles)
        assert t1 < 350 < 900 < t2

    def test_a_white_matter_spot_shines_in_t2_only(self):
        spot = ((self.LESION, 8.0),)
        with_spot, without = (self._at(self._signal(Weighting.T2, lesions), -24, -22) for lesions in (spot, ()))
        assert with_spot > without + 250
        t1_with, t1_without = (self._at(self._signal(Weighting.T1, lesions), -24, -22) for lesions in (spot, ()))
        assert t1_with < t1_without


class TestEcho:
    ACQUISITION = EchoAcquisition(columns=160, rows=120, frames=14)

    def test_the_heart_beats_and_comes_back(self):
        cine = render_echo(self.ACQUISITION).astype(float)
        row, column = self.ACQUISITION.apex[1] + round(92 / self.ACQUISITION.pixel), 80
        valves = cine[:, row - 6 : row + 3, column - 4 : column + 14].mean(axis=(1, 2, 3))
        assert np.ptp(valves) > 8

    def test_nothing_is_shown_outside_the_sector(self):
        cine = render_echo(self.ACQUISITION)
        left, _, _, _ = self.ACQUISITION.sector
        assert cine[:, 5:100, : max(left - 2, 1)].max() == 0


class TestEndoscopy:
    SIZE = 120

    def _stills(self, **more):
        return render_endoscopy(EndoscopyAcquisition(size=self.SIZE, **more)).astype(int)

    def test_mucosa_is_red_the_lumen_dark_and_nothing_is_shown_around_the_field_of_view(self):
        row, column = np.mgrid[: self.SIZE, : self.SIZE] - (self.SIZE - 1) / 2
        out = np.hypot(row, column) / (self.SIZE / 2)
        for still in self._stills():
            red, green, blue = still[(out > 0.6) & (out < 0.9)].mean(axis=0)
            assert red > green + 20 > blue + 20
            assert still[out > 1.01].max() == 0
            assert still[out < 0.5].sum(axis=-1).min() < 0.2 * (red + green + blue)

    def test_the_polyp_is_seen_in_the_last_still_only_and_as_large_as_asked_for(self):
        without, small, large = (self._stills(polyp_diameter=diameter) for diameter in (0.1, 4.0, 8.0))
        changed = [(np.abs(stills - without).max(axis=-1) > 12).sum(axis=(1, 2)) for stills in (small, large)]
        assert changed[0][:3].tolist() == [0, 0, 0]
        assert changed[1][3] > 1.5 * changed[0][3] > 0


class TestTissue:
    ACQUISITION = MicroscopyAcquisition(columns=320, rows=240, pixel=1.0)

    def test_nuclei_are_blue_fibres_pink_and_glands_hollow(self):
        picture = render_tissue(self.ACQUISITION).astype(int)
        light = picture.sum(axis=-1)
        dark, bright = picture[light < np.quantile(light, 0.05)].mean(axis=0), picture[light > 690]
        assert dark[2] > dark[0] > dark[1]
        assert 0.005 < len(bright) / light.size < 0.1
        red, green, blue = np.median(picture.reshape(-1, 3), axis=0)
        assert red > blue > green

    def test_colours_do_not_hang_on_the_size_of_a_pixel(self):
        coarse, fine = (
            render_tissue(MicroscopyAcquisition(columns=columns, rows=columns * 3 // 4, pixel=320 / columns))
            for columns in (160, 320)
        )
        assert coarse.mean() == pytest.approx(fine.mean(), abs=6)


class TestRadiograph:
    def test_bone_is_white_air_is_black_and_the_head_is_up(self):
        volume = np.full((20, 40, 40), -1000, np.int16)
        volume[:, 10:30, 5:35] = 40
        volume[15:, 15:25, 15:25] = 1000  # bone in the upper part
        picture = project_chest(volume, spacing=(2.0, 2.0, 2.0), table_row=35, pixel=1.0, seed=1).astype(int)
        assert picture.shape == (40, 80)
        assert picture[5, 40] > picture[35, 40] > picture[20, 2]

    def test_the_table_is_left_out(self):
        volume = np.full((20, 40, 40), -1000, np.int16)
        volume[:, 10:30, 5:35] = 40
        with_table = volume.copy()
        with_table[:, 36:] = 800
        plain, tabled = (
            project_chest(v, spacing=(2, 2, 2), table_row=35, pixel=2.0, seed=1) for v in (volume, with_table)
        )
        assert np.array_equal(plain, tabled)
