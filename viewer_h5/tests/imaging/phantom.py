"""A generated study with known pixels, for looking at the imaging pane in a real browser.

Every slice of the CT carries its own number as a row of black and white squares and a row of squares with exact
Hounsfield values, so that a screenshot can prove which slice is painted and with which window.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

STUDY = "1.2.826.0.1.3680043.10.5432.1"
CT_SLICES = 320
# patches lie on one row through the middle, away from the words in the stage's corners
PATCH_HU = (-900, -600, -160, 0, 40, 120, 238, 700)
PATCH_ROW, PATCH_SIZE = 300, 28
NUMBER_ROW, NUMBER_BITS = 210, 9


def patch_centre(i: int) -> tuple[int, int]:
    """Column and row of the i-th patch of known value."""
    return 110 + i * 42, PATCH_ROW


def number_centre(bit: int) -> tuple[int, int]:
    """Column and row of one bit of the slice number, least significant first."""
    return 110 + bit * 36, NUMBER_ROW


@dataclass(frozen=True)
class Series:
    """One series: a function from frame index to stored pixels, and how they are to be read."""

    number: int
    modality: str
    description: str
    pixels: Callable[[int], NDArray[Any]]
    instances: int
    frames: int = 1
    kind: str = "image"
    preview: bool = True
    web_frame: bool = True
    window: tuple[float, float] | None = None
    slope: float = 1
    intercept: float = 0
    bits_stored: int = 16
    spacing: tuple[float, float] | None = (0.7, 0.7)
    photometric: str = "MONOCHROME2"
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        return f"{STUDY}.{self.number}"

    def sop(self, instance: int) -> str:
        return f"{self.uid}.{instance + 1}"


def window_grey(values: NDArray[Any], center: float, width: float) -> NDArray[np.uint8]:
    """Linear VOI LUT function, PS3.3 C.11.2.1.2.1, rounded half up."""
    lower = center - 0.5 - (width - 1) / 2
    grey = np.floor((values - lower) / (width - 1) * 255 + 0.5)
    return np.clip(grey, 0, 255).astype(np.uint8)


@lru_cache(maxsize=400)
def ct_hounsfield(index: int) -> NDArray[np.int16]:
    """One 512 x 512 slice of a chest-like phantom."""
    y, x = np.mgrid[0:512, 0:512].astype(np.float32)

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1

    taper = 1 - 0.25 * abs(index - CT_SLICES / 2) / (CT_SLICES / 2)
    hu = np.full((512, 512), -1000, np.float32)
    hu[ellipse(256, 256, 235, 170)] = -90
    hu[ellipse(256, 256, 222, 157)] = 45
    for cx in (155, 357):
        hu[ellipse(cx, 240, 75 * taper, 115 * taper)] = -860
    hu[ellipse(275, 285, 62 * taper, 55 * taper)] = 55
    hu[ellipse(256, 375, 26, 24)] = 620
    hu[ellipse(400, 200, 5, 5)] = 60 if abs(index - 160) < 4 else -860
    hu += np.random.default_rng(index).normal(0, 14, hu.shape).astype(np.float32)
    for bit in range(NUMBER_BITS):
        cx, cy = number_centre(bit)
        hu[cy - 12 : cy + 12, cx - 12 : cx + 12] = 1000 if index >> bit & 1 else -1000
    for i, value in enumerate(PATCH_HU):
        cx, cy = patch_centre(i)
        half = PATCH_SIZE // 2
        hu[cy - half : cy + half, cx - half : cx + half] = value
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def _ct(index: int) -> NDArray[np.uint16]:
    return (ct_hounsfield(index).astype(np.int32) + 1024).astype(np.uint16)


def _signed(index: int) -> NDArray[np.int16]:
    """A quarter-size slice of signed values with a step in each corner of the middle."""
    values = np.full((128, 160), -200, np.int16)
    values[32:96, 40:120] = 300
    values[48:80, 60:100] = 900 + index
    return values


def _inverted(_: int) -> NDArray[np.uint8]:
    values = np.full((200, 160), 230, np.uint8)
    values[60:140, 40:120] = 40
    return values


def _colour(index: int) -> NDArray[np.uint8]:
    values = np.zeros((120, 160, 3), np.uint8)
    values[30:90, 40:80] = (200, 30, 30)
    values[30:90, 80:120] = (20, 60, 200)
    values[96:110, 10 + index * 10 : 20 + index * 10] = 255
    return values


def _nothing(_: int) -> NDArray[Any]:
    raise LookupError("this series holds no pictures")


SERIES = (
    Series(
        1, "CT", "胸部 1.0 mm 肺窗", _ct, CT_SLICES, window=(40, 400), intercept=-1024, bits_stored=12,
        extra={"00180050": {"vr": "DS", "Value": [1.0]}},
    ),
    Series(
        2, "MR", "T1 斜位 无预览", _signed, 12, preview=False, spacing=(1.2, 0.8), orientation=(0.8, 0.6, 0, 0, 0, -1),
    ),
    Series(3, "DX", "胸片 反色", _inverted, 1, window=(128, 256), bits_stored=8, photometric="MONOCHROME1"),
    Series(4, "US", "超声动态", _colour, 1, frames=8, bits_stored=8, photometric="RGB", spacing=None),
    Series(5, "CT", "无网页原图", _ct, 4, web_frame=False, window=(40, 400), intercept=-1024, bits_stored=12),
    Series(6, "PT", "SUV", _signed, 3, preview=False, slope=0.37, intercept=-1.5, window=(100, 350)),
    Series(7, "CT", "都没有", _ct, 2, preview=False, web_frame=False, intercept=-1024, bits_stored=12),
    Series(8, "SR", "剂量报告", _nothing, 1, kind="document", preview=False, web_frame=False),
    Series(9, "ECG", "静息心电", _nothing, 1, kind="waveform", preview=False, web_frame=False),
)  # fmt: skip
BY_SOP = {series.sop(i): (series, i) for series in SERIES for i in range(series.instances)}


def stored(sop: str, frame_number: int) -> NDArray[Any]:
    """Stored pixels of one frame."""
    series, instance = BY_SOP[sop]
    return series.pixels(instance if series.frames == 1 else frame_number - 1)


@lru_cache(maxsize=700)
def htj2k(sop: str, frame_number: int) -> bytes:
    """The bare codestream, as `Accept: image/jphc` gives it."""
    return bytes(
        imagecodecs.htj2k_encode(
            stored(sop, frame_number), reversible=True, tlm=True, tilepart=imagecodecs.HTJ2K.TILEPART.RESOLUTIONS
        )
    )


@lru_cache(maxsize=700)
def preview(sop: str, frame_number: int, size: int | None = None) -> bytes:
    """The JPG in the default window."""
    series, _ = BY_SOP[sop]
    pixels = stored(sop, frame_number)
    if pixels.ndim == 2:
        center, width = series.window or (128, 256)
        pixels = window_grey(pixels.astype(np.float64) * series.slope + series.intercept, center, width)
        if series.photometric == "MONOCHROME1":
            pixels = 255 - pixels
    picture = Image.fromarray(pixels)
    if size:
        picture.thumbnail((size, size))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def metadata(series: Series, instance: int) -> dict[str, Any]:
    """DICOM JSON of one instance: what the manifest carries, nothing of a patient."""
    if series.kind != "image":
        return {}
    pixels = series.pixels(0)
    rows, columns = pixels.shape[:2]

    def us(value: int) -> dict[str, Any]:
        return {"vr": "US", "Value": [value]}

    def ds(*values: float) -> dict[str, Any]:
        return {"vr": "DS", "Value": list(values)}

    found: dict[str, Any] = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        "00080018": {"vr": "UI", "Value": [series.sop(instance)]},
        "00080060": {"vr": "CS", "Value": [series.modality]},
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "0020000E": {"vr": "UI", "Value": [series.uid]},
        "00200013": {"vr": "IS", "Value": [instance + 1]},
        "00280002": us(3 if pixels.ndim == 3 else 1),
        "00280004": {"vr": "CS", "Value": [series.photometric]},
        "00280010": us(rows),
        "00280011": us(columns),
        "00280100": us(pixels.dtype.itemsize * 8),
        "00280101": us(series.bits_stored),
        "00280102": us(series.bits_stored - 1),
        "00280103": us(1 if pixels.dtype.kind == "i" else 0),
        "00281052": ds(series.intercept),
        "00281053": ds(series.slope),
        **series.extra,
    }
    if series.frames > 1:
        found["00280008"] = {"vr": "IS", "Value": [series.frames]}
    if series.window:
        found["00281050"], found["00281051"] = ds(series.window[0]), ds(series.window[1])
    if series.spacing:
        found["00280030"] = ds(*series.spacing)
        found["00200037"] = ds(*series.orientation)
        found["00200032"] = ds(-180, -180, float(instance))
        found["00200052"] = {"vr": "UI", "Value": [f"{STUDY}.99"]}
    return found


def brief(series: Series) -> dict[str, Any]:
    """`SeriesBrief` of the contract."""
    middle = series.instances // 2
    key = {"sop_instance_uid": series.sop(middle), "frame_number": 1} if series.kind == "image" else None
    return {
        "series_instance_uid": series.uid,
        "modality": series.modality,
        "series_number": series.number,
        "description": series.description,
        "kind": series.kind,
        "instance_count": series.instances,
        "frame_count": series.instances * series.frames if series.kind == "image" else 0,
        "key": key,
        "has_preview": series.preview,
    }


def manifest() -> dict[str, Any]:
    """`Manifest` of the contract."""
    return {
        "study_instance_uid": STUDY,
        "version": "1",
        "series": [
            brief(series)
            | {
                "instances": [
                    {
                        "sop_instance_uid": series.sop(i),
                        "instance_number": i + 1,
                        "frames": series.frames if series.kind == "image" else 0,
                        "has_preview": series.preview,
                        "web_frame": series.web_frame,
                        "metadata": metadata(series, i),
                    }
                    for i in range(series.instances)
                ]
            }
            for series in SERIES
        ],
    }
