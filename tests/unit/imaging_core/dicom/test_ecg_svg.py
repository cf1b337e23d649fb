"""Electrocardiograms on paper: every millimetre is one, read back from the drawing."""

from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.dicom.ecg_svg import ecg_svg
from imaging_core.dicom.waveforms import Ecg, Filters, Lead, read_ecg
from imaging_core.errors import WaveformNotReadable
from imaging_core.phantoms.ecg import LEADS
from tests.builders.ecg import ecg_instance, ecg_of

SVG = "{http://www.w3.org/2000/svg}"
LEFT, TOP, ROW = 15, 5, 30


def drawn(ecg: Ecg) -> ElementTree.Element:
    return ElementTree.fromstring(ecg_svg(ecg))  # noqa: S314  # our own drawing


def curves(sheet: ElementTree.Element) -> list[tuple[str, np.ndarray]]:
    """Return lead and points of each curve in millimetres of the paper."""
    found = []
    for path in sheet.iter(f"{SVG}path"):
        if path.get("data-lead") is None:
            continue
        assert path.get("transform") == "scale(.001)"
        start, _, rest = path.attrib["d"].partition("l")
        steps = np.array(rest.split(), dtype=np.int64).reshape(-1, 2)
        first = np.array(start.removeprefix("M").split(), dtype=np.int64)
        found.append((path.attrib["data-lead"], np.vstack([first, first + np.cumsum(steps, axis=0)]) / 1000))
    return found


def twelve(rate: float, seconds: float = 10.0) -> Ecg:
    count = round(rate * seconds)
    leads = [
        Lead(name, (np.arange(count) * 7 % 1000 - 300 + 10 * at).astype(np.int32)) for at, name in enumerate(LEADS)
    ]
    return Ecg(rate, tuple(leads))


@pytest.mark.clause("R2.10")
class TestTwelveLeads:
    @settings(deadline=None, max_examples=8)
    @given(st.sampled_from([250.0, 300.0, 400.0, 500.0, 977.5, 1000.0]))
    def test_a_second_is_25_mm_and_a_millivolt_10_mm_at_any_sampling_rate(self, rate):
        ecg = twelve(rate)
        by_name = {lead.name: lead.microvolts for lead in ecg.leads}
        found = curves(drawn(ecg))
        assert [name for name, _ in found] == [
            *("I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6", "II"),
        ]
        for number, (name, points) in enumerate(found):
            row, column = divmod(number, 4)
            start = 0 if row == 3 else 2.5 * column
            numbers = np.arange(np.ceil(start * rate - 1e-6), np.ceil(start * rate - 1e-6) + len(points)).astype(int)
            assert np.abs(points[:, 0] - (LEFT + numbers / rate * 25)).max() <= 0.0006
            assert np.abs((ROW * (row + 0.5) - points[:, 1]) / 10 * 1000 - by_name[name][numbers]).max() <= 0.1
            shown = 10 if row == 3 else 2.5
            assert len(points) == pytest.approx(shown * rate, abs=1.5)

    def test_paper_is_in_millimetres_and_grid_and_calibration_are_to_scale(self):
        sheet = drawn(twelve(500))
        assert (sheet.get("width"), sheet.get("height")) == ("270mm", "135mm")
        assert sheet.get("viewBox") == "0 0 270 135"
        patterns = {item.get("id"): item for item in sheet.iter(f"{SVG}pattern")}
        assert [(patterns[name].get("width"), patterns[name].get("height")) for name in ("mm", "cm")] == [
            ("1", "1"),
            ("5", "5"),
        ]
        pulses = [path.get("d") for path in sheet.iter(f"{SVG}path") if "v-10h5v10" in (path.get("d") or "")]
        assert len(pulses) == 4

    def test_scale_filters_and_rate_are_written_below(self):
        ecg = twelve(500)
        text = ecg_svg(Ecg(500, ecg.leads, Filters(0.05, 150, 50)))
        for words in ("25 mm/s", "10 mm/mV", "0.05～150 Hz", "陷波 50 Hz", "采样 500 Hz"):
            assert words in text
        assert "滤波未注明" in ecg_svg(ecg)

    def test_more_than_ten_seconds_are_shown_from_their_beginning_and_it_is_said(self):
        ecg = twelve(500, 30)
        assert "记录全长 30 秒，此处为前 10 秒" in ecg_svg(ecg)
        assert max(points[:, 0].max() for _, points in curves(drawn(ecg))) <= LEFT + 250 + 0.001

    @pytest.mark.clause("R2.10")
    def test_of_a_real_device_come_with_its_filters(self, shared_data: Path):
        content = (shared_data / "dicom" / "ecg_12lead" / "anonymous_ecg.dcm").read_bytes()
        ecg = read_ecg(content, "1.2.840.10008.1.2.1")
        assert ecg.filters == Filters(0.05, 300.0, 0.0)
        assert "0.05～300 Hz" in ecg_svg(ecg)
        assert read_ecg(ecg_instance(), "").filters is None


class TestScales:
    def test_sensitivity_correction_and_baseline_are_all_in_the_curve(self):
        dataset = pydicom.dcmread(BytesIO(ecg_of(np.array([[0], [100], [200]]), ["II"], sensitivity=2.5, unit="uV")))
        channel = dataset.WaveformSequence[0].ChannelDefinitionSequence[0]
        channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = "1.2", "-40"
        out = BytesIO()
        dataset.save_as(out)
        [(_, points)] = curves(drawn(read_ecg(out.getvalue(), "")))
        # a step is 3 µV, zero lies at −40 µV
        assert (15 - points[:, 1]).tolist() == pytest.approx([-0.4, 2.6, 5.6])


class TestOtherRecordings:
    def test_short_ones_and_other_leads_have_a_row_each(self):
        short = drawn(twelve(500, 4))
        assert [name for name, _ in curves(short)] == list(LEADS)
        assert short.get("height") == f"{TOP + 12 * ROW + 10}mm"
        holter = Ecg(128, (Lead("X", np.zeros(1280, np.int32)), Lead("Y", np.zeros(1280, np.int32))))
        assert [name for name, _ in curves(drawn(holter))] == ["X", "Y"]

    def test_a_name_cannot_break_out_of_the_drawing(self):
        nasty = Ecg(100, (Lead('<script>"&\x00', np.zeros(100, np.int32)),))
        assert [name for name, _ in curves(drawn(nasty))] == ['<script>"&\ufffd']

    @pytest.mark.parametrize("leads", [0, 33])
    def test_odd_ones_are_refused(self, leads):
        samples = np.zeros(1 if leads == 0 else 100, np.int32)
        with pytest.raises(WaveformNotReadable):
            ecg_svg(Ecg(100, tuple(Lead(f"L{number}", samples) for number in range(max(leads, 1)))))
