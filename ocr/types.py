"""What reading a paper report gives.

Boxes are pixels of the picture as a browser shows it: turned by its EXIF orientation, in full size, before our own
turning and straightening. `Box.page` counts from 0 (the pages of a PDF); a photograph has only page 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned box: left, top, width, height in pixels."""

    left: int
    top: int
    width: int
    height: int
    page: int = 0

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """Left, top, width and height, as the interfaces give a box."""
        return self.left, self.top, self.width, self.height

    @property
    def right(self) -> int:
        """First column to the right of the box."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + self.height

    @property
    def center(self) -> Point:
        """Middle of the box."""
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as an engine read it. `confidence` is 0..1.

    `corners` (clockwise from the top left of the text) keep the tilt that the box loses; empty if the engine knows
    only boxes. `char_confidences` has one value for each character of `text`, or is empty.
    """

    text: str
    box: Box
    confidence: float
    corners: Corners | tuple[()] = ()
    char_confidences: tuple[float, ...] = ()


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
    box: Box | None = None
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A piece of text that must be looked at by a person, and why (Chinese, for the patient).

    `where` is the field key, "row:<index>" for a laboratory row, or "" for text outside any field.
    """

    text: str
    box: Box | None
    why: str
    where: str = ""


class Refusal(StrEnum):
    """Why a picture was not taken as a report. `ocr.messages` has the Chinese sentence of each."""

    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_NARROW = "too_narrow"
    TOO_SMALL = "too_small"
    HEIC = "heic"
    OTHER_PICTURE_TYPE = "other_picture_type"
    NOT_A_PICTURE = "not_a_picture"
    DAMAGED = "damaged"
    LOCKED_PDF = "locked_pdf"
    TOO_DARK = "too_dark"
    BLANK = "blank"
    BLURRED = "blurred"
    SMALL_TEXT = "small_text"
    NO_TEXT = "no_text"
    NO_REPORT = "no_report"
    IDENTITY_CARD = "identity_card"
    RECEIPT = "receipt"
    TOO_SLOW = "too_slow"
    TOO_MUCH_MEMORY = "too_much_memory"
    READER_DIED = "reader_died"


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture read. Refused pictures carry `accepted=False` and a Chinese reason for the patient.

    `text` has one printed piece a line, in reading order. `turn` is how many degrees clockwise the first page was
    turned to be read; `width` and `height` are those of the first page.
    """

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
    refusal: Refusal | None = None
    turn: int = 0
    pages: int = 1
    pages_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading is: a stage ("opening", "reading", "checking", "done") and the done part, 0..1."""

    stage: str
    done: float
