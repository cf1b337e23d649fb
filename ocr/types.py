"""What reading a paper report gives. Boxes are pixels of the upright, EXIF-turned picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned box: left, top, width, height in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as an engine read it. `confidence` is 0..1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the report form. Keys are those of `mingying eval ocr`."""

    key: str
    value: str
    box: Box | None
    confidence: float


@dataclass(frozen=True, slots=True)
class LabRow:
    """One row of a laboratory sheet; `flag` is "↑", "↓", "*" or ""."""

    item: str
    value: str
    unit: str
    reference: str
    flag: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A piece of text that must be looked at by a person, and why."""

    text: str
    box: Box | None
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture read. Refused pictures carry `accepted=False` and a Chinese reason for the patient."""

    text: str
    fields: Mapping[str, Field]
    rows: Sequence[LabRow]
    doubts: Sequence[Doubt]
    accepted: bool
    reason: str | None
    engine: str
    seconds: float
    width: int
    height: int
