"""The slices of a series as its pack describes them: where each lies and what its values mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from imaging_core.errors import SlabNotPossible

Json = Mapping[str, Any]

_SHARED, _PER_FRAME = "52009229", "52009230"
_POSITION_MACRO, _ORIENTATION_MACRO, _MEASURES_MACRO = "00209113", "00209116", "00289110"
_VALUES_MACRO, _VOI_MACRO = "00289145", "00289132"
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True, slots=True)
class Slice:
    """One frame. Spacing is that of Pixel Spacing: between rows, between columns."""

    sop_instance_uid: str
    frame_number: int
    origin: Sequence[float]
    row: Sequence[float]
    column: Sequence[float]
    spacing: tuple[float, float]
    rows: int
    columns: int
    slope: float
    intercept: float
    bits: int
    signed: bool
    description: Json
    """What of the frame's attributes holds for a plane made of it: frame of reference, window, modality, polarity."""


def slices_of(instances: Sequence[Json]) -> list[Slice]:
    """Return the frames of a pack in its order; those that could not be decoded are left out.

    Raises:
        SlabNotPossible: A frame is in colour, has no place in the patient, or a table instead of a rescale.
    """
    return [found for instance in instances for found in _of_instance(instance)]


def _of_instance(instance: Json) -> Iterator[Slice]:
    metadata = instance["metadata"]
    for index, span in enumerate(instance["spans"]):
        if span is None:
            continue
        if _text(metadata, "00280004") not in _GREY:
            raise SlabNotPossible("colour", "a frame is in colour")
        if "7FE00008" in metadata or "7FE00009" in metadata:
            raise SlabNotPossible("floating_point", "the pixels are floating point numbers")
        if "00283000" in metadata:
            raise SlabNotPossible("modality_lut", "the values are given by a table, not by slope and intercept")
        yield _slice(instance["sop_instance_uid"], index, metadata)


def _slice(sop_instance_uid: str, index: int, metadata: Json) -> Slice:
    origin = _numbers(_group(metadata, index, _POSITION_MACRO), "00200032", 3)
    direction = _numbers(_group(metadata, index, _ORIENTATION_MACRO), "00200037", 6)
    spacing = _numbers(_group(metadata, index, _MEASURES_MACRO), "00280030", 2)
    if origin is None or direction is None:
        raise SlabNotPossible("no_position", "a frame does not say where it lies in the patient")
    if spacing is None or min(spacing) <= 0:
        raise SlabNotPossible("no_spacing", "a frame does not say how far apart its pixels are")
    values, voi = _group(metadata, index, _VALUES_MACRO), _group(metadata, index, _VOI_MACRO)
    slope, intercept = _numbers(values, "00281053", 1), _numbers(values, "00281052", 1)
    kept = ("00080060", "0020000D", "0020000E", "00200052", "00280004", "00281054", "00541001", "20500020")
    windows = ("00281050", "00281051", "00281056")
    return Slice(
        sop_instance_uid=sop_instance_uid,
        frame_number=index + 1,
        origin=origin,
        row=direction[:3],
        column=direction[3:],
        spacing=(spacing[0], spacing[1]),
        rows=_integer(metadata, "00280010"),
        columns=_integer(metadata, "00280011"),
        slope=slope[0] if slope else 1.0,
        intercept=intercept[0] if intercept else 0.0,
        bits=_integer(metadata, "00280100"),
        signed=_integer(metadata, "00280103") == 1,
        description={tag: metadata[tag] for tag in kept if tag in metadata}
        | {tag: voi[tag] for tag in windows if tag in voi},
    )


def _group(metadata: Json, index: int, macro: str) -> Json:
    """Return the item of a functional group macro for a frame: its own, else the shared one, else the instance."""
    per_frame = (metadata.get(_PER_FRAME) or {}).get("Value") or []
    shared = (metadata.get(_SHARED) or {}).get("Value") or []
    for groups in (per_frame[index : index + 1], shared[:1]):
        for group in groups:
            found: list[Json] = (group.get(macro) or {}).get("Value") or []
            if found:
                return found[0]
    return metadata


def _numbers(attributes: Json, tag: str, count: int) -> list[float] | None:
    values = (attributes.get(tag) or {}).get("Value") or []
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return numbers if len(numbers) == count else None


def _integer(attributes: Json, tag: str) -> int:
    return int(attributes[tag]["Value"][0])


def _text(attributes: Json, tag: str) -> str:
    return str(((attributes.get(tag) or {}).get("Value") or [""])[0])
