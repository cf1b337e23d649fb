"""Stored values to grey levels, against the formulas of PS3.3 C.11.2 written out again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.dicom.frames import DecodedFrame, decode_frames, open_dataset
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.voi import Window, to_picture, window_levels
from tests.builders.dicom import SECONDARY_CAPTURE_STORAGE, ct_instance


def picture(content: bytes) -> np.ndarray:
    dataset = open_dataset(content, "1.2.840.10008.1.2.1")
    [frame] = decode_frames(dataset, Limits())
    assert isinstance(frame, DecodedFrame)
    return to_picture(frame, dataset)


def ramp(*values: int, dtype: str = "<i2") -> np.ndarray:
    return np.array([values], dtype=dtype)


class TestWindow:
    @given(
        x=st.integers(-2000, 4000), center=st.integers(-1000, 3000).map(float), width=st.integers(2, 4000).map(float)
    )
    def test_is_the_linear_function_of_the_standard(self, x: int, center: float, width: float):
        if x <= center - 0.5 - (width - 1) / 2:
            expected = 0.0
        elif x > center - 0.5 + (width - 1) / 2:
            expected = 255.0
        else:
            expected = ((x - (center - 0.5)) / (width - 1) + 0.5) * 255
        [level] = window_levels(np.array([float(x)]), Window(center, width))
        assert abs(int(level) - expected) <= 0.5 + 1e-9

    @given(st.floats(-1000, 1000), st.floats(1, 2000), st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
    def test_never_falls_while_values_rise(self, center: float, width: float, function: str):
        levels = window_levels(np.linspace(-2000, 2000, 400), Window(center, width, function)).astype(int)
        assert np.all(np.diff(levels) >= 0)

    def test_sigmoid_is_half_at_the_center(self):
        assert window_levels(np.array([40.0]), Window(40, 400, "SIGMOID")).tolist() == [128]


class TestPicture:
    def test_uses_the_window_on_rescaled_values(self):
        content = ct_instance(pixels=ramp(0, 1024 + 40, 4000), window=(40, 400), RescaleIntercept=-1024)
        assert picture(content).tolist() == [[0, 128, 255]]

    def test_takes_the_first_of_several_windows(self):
        several = ct_instance(pixels=ramp(-160, 240), window=None, WindowCenter=[40, -600], WindowWidth=[400, 1500])
        assert picture(several).tolist() == [[0, 255]]

    def test_monochrome1_is_inverted(self):
        assert picture(ct_instance(pixels=ramp(-160, 240), PhotometricInterpretation="MONOCHROME1")).tolist() == [
            [255, 0]
        ]

    @pytest.mark.parametrize("window", [None, (40, 0), (40, -3)])
    def test_without_a_usable_window_the_values_themselves_decide(self, window: tuple[float, float] | None):
        pixels = np.arange(1000, dtype="<i2").reshape(10, 100)
        levels = picture(ct_instance(pixels=pixels, window=window))
        assert (levels.min(), levels.max()) == (0, 255)
        assert abs(int(levels[5, 0]) - 128) <= 2

    def test_padding_does_not_stretch_the_window(self):
        pixels = np.full((10, 100), -2000, "<i2")
        pixels[:, 50:] = np.arange(500).reshape(10, 50)
        levels = picture(ct_instance(pixels=pixels, window=None, PixelPaddingValue=-2000))
        assert abs(int(levels[5, 50]) - 128) <= 3

    def test_a_voi_table_is_looked_up(self):
        table = [{"LUTDescriptor": [4, 0, 16], "LUTData": np.array([0, 65535, 0, 32768], "<u2").tobytes()}]
        content = ct_instance(
            pixels=ramp(0, 1, 2, 3, dtype="<u2"), window=None, PixelRepresentation=0, VOILUTSequence=table
        )
        assert picture(content).tolist() == [[0, 255, 0, 128]]

    def test_a_modality_table_comes_before_the_window(self):
        table = [
            {
                "LUTDescriptor": [4, 0, 16],
                "ModalityLUTType": "US",
                "LUTData": np.array([0, 100, 50, 25], "<u2").tobytes(),
            }
        ]
        content = ct_instance(
            pixels=ramp(0, 1, 2, 3, dtype="<u2"),
            window=(50.5, 101),
            PixelRepresentation=0,
            RescaleSlope=None,
            RescaleIntercept=None,
            ModalityLUTSequence=table,
        )
        assert picture(content).tolist() == [[0, 255, 128, 64]]

    def test_a_frame_of_one_value_is_a_picture_too(self):
        assert picture(ct_instance(pixels=np.zeros((3, 3), "<i2"), window=None)).shape == (3, 3)

    def test_colour_by_plane_comes_out_by_pixel(self):
        red_green_blue = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
        planes = bytes(red_green_blue[i + 3 * j] for i in range(3) for j in range(4))
        content = ct_instance(
            SOPClassUID=SECONDARY_CAPTURE_STORAGE,
            pixels=np.zeros((2, 2), "<i2"),
            window=None,
            SamplesPerPixel=3,
            PhotometricInterpretation="RGB",
            PlanarConfiguration=1,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
            PixelData=planes,
        )
        assert picture(content).tobytes() == red_green_blue

    def test_a_palette_gives_colours(self):
        table = np.zeros(256, "<u2")
        table[1] = 0xFF00
        content = ct_instance(
            SOPClassUID=SECONDARY_CAPTURE_STORAGE,
            pixels=np.zeros((1, 2), "<i2"),
            window=None,
            PhotometricInterpretation="PALETTE COLOR",
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
            PixelData=bytes([0, 1]),
            RedPaletteColorLookupTableDescriptor=[256, 0, 16],
            GreenPaletteColorLookupTableDescriptor=[256, 0, 16],
            BluePaletteColorLookupTableDescriptor=[256, 0, 16],
            RedPaletteColorLookupTableData=table.tobytes(),
            GreenPaletteColorLookupTableData=bytes(512),
            BluePaletteColorLookupTableData=bytes(512),
        )
        assert picture(content).tolist() == [[[0, 0, 0], [255, 0, 0]]]
