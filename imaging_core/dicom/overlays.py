"""Overlay planes (PS3.3 C.9.2): drawings that lie over an image, kept apart from its pixels or in bits beside them."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Mask = NDArray[np.bool_]

_GROUPS: Final = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _BIT, _DATA = 0x10, 0x11, 0x15, 0x50, 0x51, 0x102, 0x3000
DESCRIBED: Final = (_ROWS, _COLUMNS, _FRAMES, 0x40, _ORIGIN, _FIRST_FRAME, 0x100, _BIT, _DATA)
"""Elements of each group that a viewer needs; its description may hold a name and is left out."""
_LARGEST_SIDE: Final = 32_768


def overlay_groups(dataset: Dataset) -> list[int]:
    """Return the groups that hold an overlay."""
    return [group for group in _GROUPS if (group, _ROWS) in dataset]


def overlay_of_frame(dataset: Dataset, frame_index: int) -> Mask | None:
    """Return where drawings of any overlay lie on a frame, rows × columns of the image; None without any."""
    shape = int(dataset.Rows), int(dataset.Columns)
    found = None
    for mask in _masks(dataset, frame_index, shape):
        found = mask if found is None else found | mask
    return found


def _masks(dataset: Dataset, frame_index: int, shape: tuple[int, int]) -> Iterator[Mask]:
    for group in overlay_groups(dataset):
        try:
            plane = _plane(dataset, group, frame_index)
            if plane is not None:
                yield _placed(plane, _numbers(dataset, group, _ORIGIN, (1, 1)), shape)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112  # a damaged drawing must not cost the picture
            continue


def _plane(dataset: Dataset, group: int, frame_index: int) -> Mask | None:
    rows, columns = _number(dataset, group, _ROWS, 0), _number(dataset, group, _COLUMNS, 0)
    if not (0 < rows <= _LARGEST_SIDE and 0 < columns <= _LARGEST_SIDE):
        return None
    size = rows * columns
    if (group, _DATA) not in dataset:
        return _beside_pixels(dataset, group, frame_index, (rows, columns))
    frames = _number(dataset, group, _FRAMES, 1)
    # one plane belongs to every frame, several to as many frames from the first named
    index = 0 if frames == 1 else frame_index - (_number(dataset, group, _FIRST_FRAME, 1) - 1)
    if not 0 <= index < frames:
        return None
    element = dataset[group, _DATA]
    raw = np.frombuffer(element.value, dtype=np.uint8)
    if element.VR == "OW" and dataset.original_encoding[1] is False:
        raw = raw[: len(raw) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    first = index * size
    bits = np.unpackbits(raw[first // 8 : (first + size + 7) // 8 + 1], bitorder="little")[first % 8 :]
    return bits[:size].reshape(rows, columns).astype(bool) if bits.size >= size else None


def _beside_pixels(dataset: Dataset, group: int, frame_index: int, shape: tuple[int, int]) -> Mask | None:
    """Return a drawing kept in an unused bit of the cells (retired 2004): of uncompressed images alone."""
    bit, width = _number(dataset, group, _BIT, 0), int(dataset.BitsAllocated) // 8
    if not 0 < bit < width * 8 or dataset.file_meta.TransferSyntaxUID.is_encapsulated or dataset.SamplesPerPixel != 1:
        return None
    order = ">" if dataset.original_encoding[1] is False else "<"
    count = shape[0] * shape[1]
    cells = np.frombuffer(dataset.PixelData, dtype=f"{order}u{width}", count=count, offset=frame_index * count * width)
    return ((cells >> bit) & 1).astype(bool).reshape(shape)


def _placed(plane: Mask, origin: tuple[int, int], shape: tuple[int, int]) -> Mask:
    """Return the plane on the image: its first cell lies at `origin`, counted from 1, which may be outside."""
    placed = np.zeros(shape, dtype=bool)
    top, left = origin[0] - 1, origin[1] - 1
    rows = slice(max(top, 0), min(top + plane.shape[0], shape[0]))
    columns = slice(max(left, 0), min(left + plane.shape[1], shape[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        placed[rows, columns] = plane[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return placed


def _number(dataset: Dataset, group: int, element: int, default: int) -> int:
    value: Any = dataset[group, element].value if (group, element) in dataset else None
    return default if value is None or value == "" else int(value)


def _numbers(dataset: Dataset, group: int, element: int, default: tuple[int, int]) -> tuple[int, int]:
    value: Any = dataset[group, element].value if (group, element) in dataset else None
    return default if value is None or len(value) != 2 else (int(value[0]), int(value[1]))
