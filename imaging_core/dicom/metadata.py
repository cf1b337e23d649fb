"""DICOM JSON (PS3.18 F) of what a viewer needs to show frames, and nothing of the patient."""

import base64
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from imaging_core.dicom.frames import Pixels
from imaging_core.dicom.overlays import DESCRIBED, overlay_groups
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, HTJ2K_LOSSLESS_RPCL

Json = dict[str, Any]

_IDENTITY: Final = """
    ImageType SOPClassUID SOPInstanceUID Modality StudyInstanceUID SeriesInstanceUID SeriesNumber InstanceNumber
    AcquisitionNumber NumberOfFrames
"""
_PLANE: Final = """
    FrameOfReferenceUID ImagePositionPatient ImageOrientationPatient SliceLocation SliceThickness SpacingBetweenSlices
    PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing PixelAspectRatio PixelSpacingCalibrationType
    EstimatedRadiographicMagnificationFactor PatientOrientation PatientPosition ImageLaterality Laterality ViewPosition
    SequenceOfUltrasoundRegions
"""
_PIXELS: Final = """
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration Rows Columns BitsAllocated BitsStored HighBit
    PixelRepresentation SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit
    LossyImageCompression LossyImageCompressionRatio
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData
"""
_VALUES: Final = """
    WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction VOILUTSequence ModalityLUTSequence
    RescaleIntercept RescaleSlope RescaleType PresentationLUTShape Units
"""
_TIME: Final = "FrameTime CineRate RecommendedDisplayFrameRate"
_KEYWORDS: Final = frozenset(" ".join((_IDENTITY, _PLANE, _PIXELS, _VALUES, _TIME)).split())
_FUNCTIONAL_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MACROS: Final = frozenset(
    {
        "PixelMeasuresSequence",
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "FrameVOILUTSequence",
        "PixelValueTransformationSequence",
    }
)
_OVERLAY_DATA: Final = 0x3000
_LARGEST_OVERLAY: Final = 512 * 1024
_WORD_TABLES: Final = frozenset(
    f"{kind}{color}PaletteColorLookupTableData" for kind in ("", "Segmented") for color in ("Red", "Green", "Blue")
) | {"LUTData"}


def viewer_metadata(dataset: Dataset, *, pixels: Pixels | None, photometric_interpretation: str) -> Json:
    """Return the DICOM JSON of an instance as its derived frames are.

    `pixels` is any decoded frame: bits, sign and samples describe the arrays a viewer gets from the derived
    frames, which may differ from how the instance was stored (YBR_FULL_422 becomes YBR_FULL, one bit becomes
    eight). None for an instance without derived frames.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metadata = _json(dataset, _KEYWORDS)
    for keyword in _FUNCTIONAL_GROUPS:
        groups = dataset.get(keyword)
        if groups:
            tag = f"{dataset[keyword].tag:08X}"
            metadata[tag] = {"vr": "SQ", "Value": [_json(group, _MACROS) for group in groups]}
    metadata |= _overlays(dataset)
    if pixels is not None:
        metadata |= _as_derived(pixels, photometric_interpretation, int(dataset.get("BitsStored") or 0))
    return dict(sorted(metadata.items()))  # by tag: equal instances give equal text in every process


def _as_derived(pixels: Pixels, photometric_interpretation: str, bits_stored: int) -> Json:
    bits = pixels.dtype.itemsize * 8
    if pixels.dtype.kind == "f":
        # PS3.3 C.7.6.24: no Bits Stored, High Bit or sign; which attribute stands for the pixels says what they are
        return _as_floats(bits)
    stored = bits_stored if 1 < bits_stored <= bits else bits
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    derived = {
        "00083002": ("UI", HTJ2K_LOSSLESS_RPCL),  # Available Transfer Syntax UID
        "00280002": ("US", samples),
        "00280004": ("CS", photometric_interpretation),
        "00280100": ("US", bits),
        "00280101": ("US", stored),
        "00280102": ("US", stored - 1),
        "00280103": ("US", 1 if pixels.dtype.kind == "i" else 0),
    }
    if samples > 1:
        derived["00280006"] = ("US", 0)  # planar configuration: colour by pixel
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in derived.items()}


def _as_floats(bits: int) -> Json:
    return {
        "00083002": {"vr": "UI", "Value": [EXPLICIT_VR_LITTLE_ENDIAN]},
        "00280100": {"vr": "US", "Value": [bits]},
        "7FE00008" if bits == 32 else "7FE00009": {"vr": "OF" if bits == 32 else "OD"},
    }


def _overlays(dataset: Dataset) -> Json:
    """Return the drawings that lie over the image, those of moderate size with their bits."""
    found: Json = {}
    for group in overlay_groups(dataset):
        for element in DESCRIBED:
            if (group, element) not in dataset:
                continue
            try:
                data = dataset[group, element]
                if element == _OVERLAY_DATA and len(data.value) > _LARGEST_OVERLAY:
                    continue
                found[f"{data.tag:08X}"] = data.to_json_dict(None, bulk_data_threshold=1 << 30)
            except Exception:  # noqa: BLE001, S112  # as above
                continue
    return found


def _json(dataset: Dataset, keywords: frozenset[str]) -> Json:
    found: Json = {}
    for keyword in sorted(keywords & set(dataset.dir())):
        try:
            element = dataset[keyword]
            value = element.to_json_dict(None, bulk_data_threshold=1 << 30)
            if keyword in _WORD_TABLES:
                value = _table(element.value, little_endian=_is_little_endian(dataset))
            elif keyword in ("VOILUTSequence", "ModalityLUTSequence"):
                value = {"vr": "SQ", "Value": [_lut_item(item, dataset) for item in element.value]}
        except Exception:  # noqa: BLE001, S112  # one unreadable value must not hide the others
            continue
        if value.keys() - {"vr"}:
            found[f"{element.tag:08X}"] = value
    return found


def _lut_item(item: Dataset, dataset: Dataset) -> Json:
    data = item["LUTData"].value
    return {
        "00283002": item["LUTDescriptor"].to_json_dict(None, bulk_data_threshold=1 << 30),
        "00283006": _table(data, little_endian=_is_little_endian(dataset)),
    }


def _table(data: bytes | int | Sequence[int], *, little_endian: bool) -> Json:
    """Return a lookup table as inline binary: 16-bit words, little endian as PS3.18 F.2.7 asks."""
    if not isinstance(data, bytes):
        data = np.array(data, dtype="<u2").tobytes()
    elif not little_endian:
        data = np.frombuffer(data, dtype=">u2").astype("<u2").tobytes()
    return {"vr": "OW", "InlineBinary": base64.b64encode(data).decode("ascii")}


def _is_little_endian(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is not False
