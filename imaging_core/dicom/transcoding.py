"""Frames and whole instances in another transfer syntax, without loss. Runs in the limited child process."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from imaging_core.dicom.frames import Dataset, DecodedFrame, Pixels, decode_frames, has_pixels, number_of_frames
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LS_LOSSLESS,
    is_native,
)
from imaging_core.dicom.writing import IMPLEMENTATION_CLASS_UID
from imaging_core.errors import PixelsNotReadable

_HTJ2K: Final = frozenset({HTJ2K, HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL})
_LARGEST_ANSWER: Final = 512 * 1024 * 1024


def transcoded_frames(
    dataset: Dataset, frame_numbers: Sequence[int], transfer_syntax_uid: str, limits: Limits
) -> Iterator[bytes]:
    """Yield the frames asked for, numbered from 1, in a transfer syntax; uncompressed ones as little-endian cells.

    Raises:
        PixelsNotReadable: A frame cannot be decoded, or not be written in this syntax without loss.
    """
    if transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN:
        for frame in _decoded(dataset, frame_numbers, limits):
            yield _cells(frame.pixels, dataset)
        return
    for frame in _decoded(dataset, frame_numbers, limits):
        yield _encoded(frame, dataset, transfer_syntax_uid)


def transcoded_instance(dataset: Dataset, transfer_syntax_uid: str, limits: Limits) -> bytes:
    """Return a whole DICOM file in a transfer syntax: the same instance, its pixels the same values.

    Raises:
        PixelsNotReadable: As above.
    """
    stored = str(dataset.file_meta.TransferSyntaxUID)
    # pydicom keeps values it was not asked for as they were read: they must know how before that changes
    if has_pixels(dataset):
        if transfer_syntax_uid != EXPLICIT_VR_LITTLE_ENDIAN:
            _compress(dataset, transfer_syntax_uid, limits)
        elif not is_native(stored):
            _decompress(dataset, limits)
        elif stored == EXPLICIT_VR_BIG_ENDIAN:
            _swap(dataset)
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    dataset.file_meta.ImplementationVersionName = "MINGYING"
    out = BytesIO()
    try:
        dcmwrite(out, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except MemoryError:
        raise
    except Exception as error:
        raise PixelsNotReadable("not_written", f"the data set cannot be rewritten: {type(error).__name__}") from error
    return out.getvalue()


def _compress(dataset: Dataset, transfer_syntax_uid: str, limits: Limits) -> None:
    numbers = range(1, number_of_frames(dataset) + 1)
    frames: list[bytes] = []
    last: DecodedFrame | None = None
    for last in _decoded(dataset, numbers, limits):
        frames.append(_encoded(last, dataset, transfer_syntax_uid))
    assert last is not None  # noqa: S101  # an instance with pixels has a frame
    _describe(dataset, last)
    if last.photometric_interpretation == "RGB" and transfer_syntax_uid != JPEG_LS_LOSSLESS:
        dataset.PhotometricInterpretation = "YBR_RCT"  # PS3.5 8.2.4: the reversible transform is in the codestream
    _drop_offset_tables(dataset)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _decompress(dataset: Dataset, limits: Limits) -> None:
    numbers = range(1, number_of_frames(dataset) + 1)
    cells: list[bytes] = []
    size = 0
    last: DecodedFrame | None = None
    for last in _decoded(dataset, numbers, limits):
        cells.append(_cells(last.pixels, dataset))
        size += len(cells[-1])
        if size > _LARGEST_ANSWER:
            raise PixelsNotReadable("too_large", "uncompressed, the instance is larger than what is made at once")
    assert last is not None  # noqa: S101  # as above
    _describe(dataset, last)
    _drop_offset_tables(dataset)
    value = b"".join(cells)
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    dataset["PixelData"].VR = "OW" if last.pixels.dtype.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False


def _describe(dataset: Dataset, frame: DecodedFrame) -> None:
    """Let the attributes say what the samples are now."""
    dataset.PhotometricInterpretation = frame.photometric_interpretation
    if frame.pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    if int(dataset.BitsAllocated) > 1:
        dataset.BitsAllocated = frame.pixels.dtype.itemsize * 8


def _drop_offset_tables(dataset: Dataset) -> None:
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            delattr(dataset, keyword)


def _swap(dataset: Dataset) -> None:
    """Turn the words of big-endian pixels; PS3.5 7.3: bytes in OW are swapped in pairs as well."""
    element = dataset["PixelData"]
    width = 1 if element.VR == "OB" else max(int(dataset.BitsAllocated) // 8, 2)
    if width > 1:
        element.value = np.frombuffer(element.value, dtype=f">u{width}").astype(f"<u{width}").tobytes()


def _decoded(dataset: Dataset, frame_numbers: Sequence[int], limits: Limits) -> Iterator[DecodedFrame]:
    for number in frame_numbers:
        for frame in decode_frames(dataset, limits, first=number - 1, last=number):
            if not isinstance(frame, DecodedFrame):
                raise frame[1]
            yield frame


def _cells(pixels: Pixels, dataset: Dataset) -> bytes:
    if int(dataset.BitsAllocated) == 1:
        return np.packbits(pixels.reshape(-1), bitorder="little").tobytes()  # PS3.5 8.1.1
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def _encoded(frame: DecodedFrame, dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    if int(dataset.BitsAllocated) == 1:
        raise PixelsNotReadable("one_bit", "pixels of one bit are kept uncompressed")
    if frame.pixels.dtype.kind == "f":
        raise PixelsNotReadable("float_pixels", "floating point pixels are kept uncompressed")
    rgb = frame.photometric_interpretation == "RGB"
    try:
        codestream, back = _codec(frame.pixels, transfer_syntax_uid, rgb=rgb)
    except MemoryError:
        raise
    except Exception as error:
        raise PixelsNotReadable("not_encoded", f"the frame cannot be encoded: {type(error).__name__}") from error
    if not np.array_equal(back, frame.pixels):
        raise PixelsNotReadable("not_bit_exact", "the lossless codec did not give the same pixels back")
    return codestream


def _codec(pixels: Pixels, transfer_syntax_uid: str, *, rgb: bool) -> tuple[bytes, Any]:
    """Return the codestream, and what it decodes to."""
    if transfer_syntax_uid in _HTJ2K:
        codestream = bytes(
            imagecodecs.htj2k_encode(
                pixels,
                rgb=rgb if pixels.ndim == 3 else None,
                reversible=True,
                tlm=True,
                tilepart=imagecodecs.HTJ2K.TILEPART.RESOLUTIONS,
            )
        )
        return codestream, _by_pixel(imagecodecs.htj2k_decode(codestream), pixels)
    if transfer_syntax_uid == JPEG_2000_LOSSLESS:
        codestream = bytes(
            imagecodecs.jpeg2k_encode(pixels, codecformat="J2K", reversible=True, level=0, mct=rgb, verbose=0)
        )
        return codestream, _by_pixel(imagecodecs.jpeg2k_decode(codestream), pixels)
    if transfer_syntax_uid == JPEG_LS_LOSSLESS:
        # ISO/IEC 14495-1 knows no sign: the bits are coded, and Pixel Representation says how to read them
        unsigned = pixels.view(f"u{pixels.dtype.itemsize}")
        codestream = bytes(imagecodecs.jpegls_encode(unsigned))
        return codestream, np.asarray(imagecodecs.jpegls_decode(codestream)).astype(unsigned.dtype).view(pixels.dtype)
    raise PixelsNotReadable(
        "unsupported_transfer_syntax", f"nothing is encoded in transfer syntax {transfer_syntax_uid}"
    )


def _by_pixel(decoded: Any, like: Pixels) -> Any:  # noqa: ANN401  # imagecodecs is untyped
    array = np.asarray(decoded)
    if array.ndim == 3 and array.shape != like.shape:
        array = np.moveaxis(array, 0, 2)  # without colour transform the codec returns planes
    return array
