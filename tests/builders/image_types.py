"""One image of each type the standard knows: how it is stored, which samples it holds, how it looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import dcmread, dcmwrite

from tests.builders.dicom import ct_instance

ROWS, COLUMNS = 7, 5
_WIDTHS = [
    (8, 1),
    (8, 2),
    (8, 5),
    (8, 8),
    (16, 8),
    (16, 10),
    (16, 12),
    (16, 15),
    (16, 16),
    (32, 17),
    (32, 24),
    (32, 31),
]
_WIDTHS.append((32, 32))


@dataclass(frozen=True)
class ImageType:
    """`samples`: frames × rows × columns (× 3). `looks`: of the first frame, where it is worth saying."""

    name: str
    content: bytes
    samples: np.ndarray
    looks: np.ndarray | None = None


def image_types() -> list[ImageType]:
    return [*_grey(), *_bits(), *_floats(), *_colours(), *_palettes(), *_sizes(), *_overlays()]


def _made(
    name: str,
    samples: np.ndarray,
    looks: np.ndarray | None = None,
    overlay: dict[int, tuple[str, Any]] | None = None,
    **attributes: Any,
) -> ImageType:
    content = ct_instance(samples.shape[1], samples.shape[2], series=name, **attributes)
    if overlay:
        dataset, out = dcmread(BytesIO(content)), BytesIO()
        for tag, (vr, value) in overlay.items():
            dataset.add_new(tag, vr, value)
        dcmwrite(out, dataset)
        content = out.getvalue()
    return ImageType(name, content, samples, looks)


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def _ramp(low: int, high: int, dtype: str) -> np.ndarray:
    return np.linspace(low, high, ROWS * COLUMNS).round().astype(dtype).reshape(1, ROWS, COLUMNS)


def _grey() -> Iterator[ImageType]:
    """Every width of cell and number of bits in it, with and without sign."""
    for allocated, stored in _WIDTHS:
        for signed in (False, True):
            low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
            samples = _ramp(low, high, f"<{'i' if signed else 'u'}{allocated // 8}")
            yield _made(
                f"{allocated} bits, {stored} stored, {'signed' if signed else 'unsigned'}",
                samples,
                BitsAllocated=allocated,
                BitsStored=stored,
                HighBit=stored - 1,
                PixelRepresentation=int(signed),
                PixelData=_even(samples.tobytes()),
                window=None,
            )
    inverted = _ramp(0, 255, "u1")
    usual: Any = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "window": None}
    yield _made(
        "MONOCHROME1",
        inverted,
        255 - inverted[0],
        PhotometricInterpretation="MONOCHROME1",
        PixelData=_even(inverted.tobytes()),
        **usual,
    )
    frames = np.concatenate([_ramp(0, 255, "u1"), _ramp(10, 90, "u1"), _ramp(200, 255, "u1")])
    yield _made("multi-frame", frames, frames[0], NumberOfFrames=3, PixelData=_even(frames.tobytes()), **usual)


def _bits() -> Iterator[ImageType]:
    cells = _ramp(-2048, 2047, "<i2")
    dirty = (cells.view("<u2") & 0x0FFF) | 0xA000
    twelve: Any = {"BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 1, "window": (0, 4096)}
    yield _made("rubbish in unused bits", cells, HighBit=11, PixelData=dirty.tobytes(), **twelve)
    high = (cells.view("<u2") << 4) | 0xA
    yield _made("stored in the upper bits", cells, HighBit=15, PixelData=high.tobytes(), **twelve)
    masks = (np.arange(3 * ROWS * COLUMNS) % 3 == 0).astype("u1").reshape(3, ROWS, COLUMNS)
    yield _made(
        "one bit, frames that end within a byte",
        masks,
        masks[0] * 255,
        NumberOfFrames=3,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
        PixelData=_even(np.packbits(masks.reshape(-1), bitorder="little").tobytes()),
        window=None,
    )


def _floats() -> Iterator[ImageType]:
    for bits, keyword in ((32, "FloatPixelData"), (64, "DoubleFloatPixelData")):
        samples = np.linspace(-1, 1, ROWS * COLUMNS).astype(f"<f{bits // 8}").reshape(1, ROWS, COLUMNS)
        samples[0, 0, 0] = np.nan
        integers: Any = dict.fromkeys(("PixelData", "BitsStored", "HighBit", "PixelRepresentation"))
        yield _made(keyword, samples, BitsAllocated=bits, window=None, **(integers | {keyword: samples.tobytes()}))


def _colours() -> Iterator[ImageType]:
    y, x = np.mgrid[0:ROWS, 0 : COLUMNS + 1]
    rgb = np.stack([x * 30 + 50, y * 20 + 40, (x + y) * 10 + 80], axis=2).astype("u1")[None]
    colour: Any = {"SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    colour |= {"window": None}
    for planar in (0, 1):
        cells = rgb if planar == 0 else np.moveaxis(rgb, 3, 1)
        yield _made(
            f"RGB, planar configuration {planar}",
            rgb,
            rgb[0],
            PhotometricInterpretation="RGB",
            PlanarConfiguration=planar,
            PixelData=_even(cells.tobytes()),
            **colour,
        )
        yield _made(
            f"YBR_FULL, planar configuration {planar}",
            rgb,
            _from_ybr(rgb[0]),
            PhotometricInterpretation="YBR_FULL",
            PlanarConfiguration=planar,
            PixelData=_even(cells.tobytes()),
            **colour,
        )
    halved = rgb.copy()
    halved[:, :, 1::2, 1:] = halved[:, :, 0::2, 1:]
    packed = np.stack([halved[..., 0::2, 0], halved[..., 1::2, 0], halved[..., 0::2, 1], halved[..., 0::2, 2]], axis=3)
    yield _made(
        "YBR_FULL_422",
        halved,
        _from_ybr(halved[0]),
        PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
        PixelData=_even(packed.tobytes()),
        **colour,
    )
    deep = rgb.astype("<u2") * 257
    sixteen: Any = colour | {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PlanarConfiguration": 0}
    yield _made("RGB of 16 bits", deep, rgb[0], PhotometricInterpretation="RGB", PixelData=deep.tobytes(), **sixteen)


def _from_ybr(ybr: np.ndarray) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2."""
    y, cb, cr = (ybr[..., index].astype(float) for index in range(3))
    rgb = [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)]
    return np.clip(np.floor(np.stack(rgb, axis=2) + 0.5), 0, 255).astype("u1")


def _palettes() -> Iterator[ImageType]:
    # 8-bit colours in a 16-bit table, as many devices write them, and colours of 16 bits; dark indices alone
    for bits, step in ((8, 1), (16, 257)):
        dtype = f"<u{bits // 8}"
        indices = _ramp(0, 60, dtype)
        table = (np.arange(256) * step).astype("<u2").tobytes()
        backwards = (np.arange(256)[::-1] * step).astype("<u2").tobytes()
        tables: Any = {"Red": table, "Green": backwards, "Blue": table}
        attributes: Any = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in tables}
        attributes |= {f"{name}PaletteColorLookupTableData": data for name, data in tables.items()}
        first = indices[0].astype("u1")
        yield _made(
            f"PALETTE COLOR of {bits} bits",
            indices,
            np.stack([first, 255 - first, first], axis=2),
            PhotometricInterpretation="PALETTE COLOR",
            BitsAllocated=bits,
            BitsStored=bits,
            HighBit=bits - 1,
            PixelRepresentation=0,
            PixelData=_even(indices.tobytes()),
            window=None,
            **attributes,
        )


def _sizes() -> Iterator[ImageType]:
    for rows, columns in ((1, 1), (1, 9), (9, 1), (3, 515)):
        samples = np.arange(rows * columns, dtype="<i2").reshape(1, rows, columns)
        yield _made(f"{rows} × {columns}", samples, PixelData=samples.tobytes())


def _overlays() -> Iterator[ImageType]:
    flat = np.full((1, ROWS, COLUMNS), 40, "<i2")
    drawn = np.zeros((3, 3), "u1")
    drawn[1] = 1
    shown = np.full((ROWS, COLUMNS), 128, "u1")
    shown[2, 1:4] = 255
    bits = np.packbits(drawn.reshape(-1), bitorder="little").tobytes()
    plane = _plane(3, 3, origin=2, bits=1, position=0)
    yield _made(
        "overlay apart",
        flat,
        shown,
        plane | {0x60003000: ("OW", _even(bits))},
        PixelData=flat.tobytes(),
    )
    # the drawing of the third row stands in bit 15 of twelve stored ones
    cells = flat.astype("<u2")
    cells[0, 2, 1:4] |= 0x8000
    yield _made(
        "overlay in unused bits",
        flat.astype("<u2"),
        shown,
        _plane(ROWS, COLUMNS, origin=1, bits=16, position=15),
        PixelData=cells.tobytes(),
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
    )


def _plane(rows: int, columns: int, *, origin: int, bits: int, position: int) -> dict[int, tuple[str, Any]]:
    return {
        0x60000010: ("US", rows),
        0x60000011: ("US", columns),
        0x60000040: ("CS", "G"),
        0x60000050: ("SS", [origin, origin]),
        0x60000100: ("US", bits),
        0x60000102: ("US", position),
    }
