"""Pixels of an instance as arrays, frame by frame. Runs on foreign data: only inside the limited child process."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder

from imaging_core.dicom.codestreams import declared_size
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import EXPLICIT_VR_BIG_ENDIAN, RETIRED_JPEG, VIDEO, is_native
from imaging_core.errors import PixelsNotReadable

__all__ = ["Dataset", "DecodedFrame", "Pixels", "decode_frames", "has_pixels", "number_of_frames", "open_dataset"]

Pixels = NDArray[Any]
"""rows × columns, or rows × columns × 3; integers or floating point numbers, in the machine's byte order."""

# what the array holds after decoding; PS3.3 C.7.6.3.1.2
_DECODED_PHOTOMETRIC: Final = {
    "YBR_FULL_422": "YBR_FULL",
    "YBR_RCT": "RGB",
    "YBR_ICT": "RGB",
}
_PHOTOMETRICS: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL"})


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame as stored values, not rescaled. `photometric_interpretation` says what the samples are now."""

    frame_index: int
    pixels: Pixels
    photometric_interpretation: str


def open_dataset(content: bytes, transfer_syntax_uid: str) -> Dataset:
    """Return the parsed data set; `transfer_syntax_uid` is used where the file does not say.

    Raises:
        PixelsNotReadable: pydicom cannot parse it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the peculiarities of foreign files are no news
            dataset = pydicom.dcmread(BytesIO(content), force=True)
    except MemoryError:
        raise
    except Exception as error:
        raise PixelsNotReadable("not_parsed", f"the data set cannot be parsed: {type(error).__name__}") from error
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    return dataset


def has_pixels(dataset: Dataset) -> bool:
    """Return whether the instance has pixels of any kind."""
    return any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def number_of_frames(dataset: Dataset) -> int:
    """Return how many frames the pixels hold, 0 without pixels."""
    if not has_pixels(dataset):
        return 0
    try:
        return max(int(dataset.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        return 1


def decode_frames(
    dataset: Dataset, limits: Limits, *, first: int = 0, last: int | None = None
) -> Iterator[DecodedFrame | tuple[int, PixelsNotReadable]]:
    """Yield every frame in order: decoded, or its index and why it cannot be.

    A frame that fails leaves the others alone. `first` and `last` are indices of a part, the latter not in it.

    Raises:
        PixelsNotReadable: No frame of this instance can be decoded.
    """
    decoder = _decoder(dataset, limits)
    frames = number_of_frames(dataset) if last is None else last
    index = first
    while index < frames:
        arrays = (
            _unpacked(dataset, range(index, frames))
            if _packed(dataset)
            else decoder.iter_array(dataset, indices=range(index, frames), raw=True)
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for array, properties in arrays:
                    yield _decoded(index, array, str(properties["photometric_interpretation"]), dataset)
                    index += 1
            return
        except MemoryError:
            yield index, PixelsNotReadable("out_of_memory", "decoding the frame needs more memory than allowed")
        except PixelsNotReadable as error:
            yield index, error
        except Exception as error:  # noqa: BLE001  # decoders of foreign data raise anything
            yield index, PixelsNotReadable("not_decoded", f"the frame cannot be decoded: {type(error).__name__}")
        index += 1


def _packed(dataset: Dataset) -> bool:
    """Return whether cells must be taken from the bytes by ourselves: pydicom takes whole bytes, and low bits, alone.

    PS3.5 8.1.1: frames of one bit follow each other without a gap; before 2004 the high bit could be any.
    """
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if "PixelData" not in dataset or not is_native(syntax) or dataset.get("SamplesPerPixel") != 1:
        return False
    if dataset.get("BitsAllocated") == 1:
        return syntax != EXPLICIT_VR_BIG_ENDIAN
    high, stored = dataset.get("HighBit"), dataset.get("BitsStored")
    return isinstance(high, int) and isinstance(stored, int) and stored <= high < dataset.BitsAllocated


def _unpacked(dataset: Dataset, indices: range) -> Iterator[tuple[Pixels, dict[str, str]]]:
    shape = int(dataset.Rows), int(dataset.Columns)
    size, bits = shape[0] * shape[1], int(dataset.BitsAllocated)
    properties = {"photometric_interpretation": str(dataset.PhotometricInterpretation)}
    raw = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    for index in indices:
        first = index * size
        if bits == 1:
            cells = np.unpackbits(raw[first // 8 : (first + size + 7) // 8], bitorder="little")[first % 8 :][:size]
        else:
            order = ">" if dataset.original_encoding[1] is False else "<"
            cells = _low_bits(raw[first * bits // 8 : (first + size) * bits // 8].view(f"{order}u{bits // 8}"), dataset)
        yield cells.reshape(shape), properties  # too few of them do not take this shape


def _low_bits(cells: Pixels, dataset: Dataset) -> Pixels:
    """Return the bits from Bits Stored below the high bit up to it as numbers, with their sign."""
    width, stored = cells.dtype.itemsize * 8, int(dataset.BitsStored)
    native = cells.astype(cells.dtype.newbyteorder("="))
    kept = native << (width - 1 - int(dataset.HighBit))
    signed = dataset.get("PixelRepresentation") == 1
    return (kept.view(f"i{width // 8}") if signed else kept) >> (width - stored)


def _decoder(dataset: Dataset, limits: Limits) -> Any:  # noqa: ANN401  # pydicom is untyped here
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if not has_pixels(dataset):
        raise PixelsNotReadable("no_pixels", "the instance has no pixels")
    if syntax in RETIRED_JPEG:
        raise PixelsNotReadable("retired_transfer_syntax", f"transfer syntax {syntax} was withdrawn from the standard")
    if syntax in VIDEO:
        raise PixelsNotReadable("video", "a video stream is delivered as received, not as frames")
    _check_size(dataset, syntax, limits)
    try:
        return get_decoder(syntax)
    except NotImplementedError as error:
        raise PixelsNotReadable("unsupported_transfer_syntax", f"no decoder for transfer syntax {syntax}") from error


def _check_size(dataset: Dataset, syntax: str, limits: Limits) -> None:
    """Compare what the header declares with the limits, and with what the first codestream declares."""
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples, bits = int(dataset.SamplesPerPixel), int(dataset.BitsAllocated)
    except (AttributeError, TypeError, ValueError) as error:
        raise PixelsNotReadable("no_pixel_description", "rows, columns, samples or bits are missing") from error
    size = rows * columns * samples * max(bits, 8) // 8
    if size > limits.frame_bytes or number_of_frames(dataset) > limits.frames:
        raise PixelsNotReadable("too_large", f"a frame of {size} bytes or the number of frames is beyond the limit")
    if "PixelData" not in dataset and not is_native(syntax):
        # PS3.5 A.4: floating point pixels are never compressed
        raise PixelsNotReadable("unsupported_transfer_syntax", "floating point pixels in a compressed transfer syntax")
    if is_native(syntax):
        return
    # a decoder allocates by the codestream's own size, whatever the header says
    found = declared_size(bytes(dataset.PixelData[: 256 * 1024]))
    if found is not None and found != (rows, columns):
        raise PixelsNotReadable("size_mismatch", f"the header says {rows}×{columns}, the codestream {found}")


def _decoded(index: int, array: Pixels, photometric: str, dataset: Dataset) -> DecodedFrame:
    photometric = _DECODED_PHOTOMETRIC.get(photometric, photometric)
    if photometric not in _PHOTOMETRICS:
        raise PixelsNotReadable("unsupported_photometric", f"{photometric[:16]} is not rendered")
    expected = (int(dataset.Rows), int(dataset.Columns))
    if array.shape[:2] != expected:
        raise PixelsNotReadable("size_mismatch", f"the header says {expected}, the frame has {array.shape[:2]}")
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    return DecodedFrame(index, np.ascontiguousarray(native), photometric)
