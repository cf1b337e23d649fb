"""Electrocardiograms as numbers: to scale or not at all."""

import contextlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging_core.dicom import waveforms
from imaging_core.dicom.waveforms import read_ecg
from imaging_core.errors import WaveformNotReadable
from imaging_core.phantoms.ecg import LEADS, EcgAcquisition, render_ecg
from tests.builders.dicom import ct_instance
from tests.builders.ecg import ecg_instance, ecg_of

EXPLICIT = "1.2.840.10008.1.2.1"


def refused(content: bytes) -> str:
    with pytest.raises(WaveformNotReadable) as error:
        read_ecg(content, EXPLICIT)
    return error.value.reason_code


class TestReadEcg:
    def test_gives_what_was_drawn_within_half_a_step(self):
        ecg = read_ecg(ecg_instance(), EXPLICIT)
        drawn = render_ecg(EcgAcquisition())
        assert ecg.samples_per_second == 500
        assert [lead.name for lead in ecg.leads] == list(LEADS)
        for lead, millivolts in zip(ecg.leads, drawn, strict=True):
            assert np.abs(lead.microvolts - millivolts * 1000).max() <= 3

    @given(order=st.permutations(range(12)), sensitivity=st.sampled_from([0.5, 1.0, 2.44, 4.88]), unit=st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_keeps_every_lead_with_its_curve_in_whatever_order_and_unit_it_came(self, order, sensitivity, unit):
        steps = np.array([[lead * 100 + moment for lead in order] for moment in range(5)])
        scale = sensitivity if unit else sensitivity / 1000
        content = ecg_of(steps, [LEADS[lead] for lead in order], sensitivity=scale, unit="uV" if unit else "mV")
        ecg = read_ecg(content, EXPLICIT)
        assert [lead.name for lead in ecg.leads] == list(LEADS)
        for number, lead in enumerate(ecg.leads):
            assert np.abs(lead.microvolts - (number * 100 + np.arange(5)) * sensitivity).max() <= 0.51

    def test_takes_the_recording_and_not_the_averaged_beat(self, shared_data: Path):
        content = (shared_data / "dicom" / "ecg_12lead" / "anonymous_ecg.dcm").read_bytes()
        ecg = read_ecg(content, EXPLICIT)
        assert (ecg.samples_per_second, len(ecg.leads[0].microvolts)) == (1000, 10_000)
        assert [lead.name for lead in ecg.leads] == list(LEADS)
        # Einthoven: III is II less I, within the rounding of three leads
        first, second, third = (ecg.leads[index].microvolts for index in range(3))
        assert np.abs(third - (second - first)).max() <= 4

    def test_of_a_lead_it_does_not_know_says_the_name_it_came_with(self):
        ecg = read_ecg(ecg_of(np.zeros((4, 2)), ["X1", "II"]), EXPLICIT)
        assert [lead.name for lead in ecg.leads] == ["II", "X1"]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("keyword", "value", "code"),
        [
            ("ChannelSensitivity", None, "no_sensitivity"),
            ("ChannelSensitivityUnitsSequence", None, "no_unit"),
        ],
    )
    def test_channels_without_a_scale(self, keyword, value, code):
        dataset = pydicom.dcmread(BytesIO(ecg_instance()))
        for channel in dataset.WaveformSequence[0].ChannelDefinitionSequence:
            setattr(channel, keyword, value)
        assert refused(written(dataset)) == code

    def test_a_unit_that_is_no_voltage(self):
        assert refused(ecg_of(np.zeros((4, 1)), ["II"], unit="mm[Hg]")) == "no_unit"

    def test_a_picture(self):
        assert refused(ct_instance(4, 4)) == "no_recording"

    @pytest.mark.parametrize("rate", [0, -500, 1e9])
    def test_an_impossible_rate(self, rate):
        dataset = pydicom.dcmread(BytesIO(ecg_instance()))
        dataset.WaveformSequence[0].SamplingFrequency = rate
        assert refused(written(dataset)) == "no_rate"

    def test_fewer_samples_than_announced(self):
        dataset = pydicom.dcmread(BytesIO(ecg_instance()))
        dataset.WaveformSequence[0].NumberOfWaveformSamples = 4_000_000_000
        assert refused(written(dataset)) == "not_parsed"

    def test_more_than_is_drawn(self, monkeypatch):
        content = ecg_instance()
        monkeypatch.setattr(waveforms, "LARGEST_BYTES", len(content) - 1)
        assert refused(content) == "too_long"

    @given(st.binary(max_size=300), st.integers(0, 4000))
    @settings(max_examples=60, deadline=None)
    def test_whatever_noise_stands_in_the_file(self, noise, at):
        content = ecg_instance()
        broken = content[:at] + noise + content[at + len(noise) :]
        with contextlib.suppress(WaveformNotReadable):
            assert all(len(lead.microvolts) for lead in read_ecg(broken, EXPLICIT).leads)


def written(dataset: pydicom.Dataset) -> bytes:
    target = BytesIO()
    dataset.save_as(target)
    return target.getvalue()
