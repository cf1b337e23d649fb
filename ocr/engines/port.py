"""The seam between reading text and understanding a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ocr.image.arrays import RgbImage
from ocr.types import Corners, Line


@dataclass(frozen=True, slots=True)
class Snippet:
    """The text of one cropped line. `char_confidences` matches `text`, or is empty if the engine has none."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...] = ()


class OcrEngine(Protocol):
    """Reads upright printed text. An empty picture gives no lines, never an error."""

    @property
    def name(self) -> str:
        """Name and version, kept with every reading."""
        ...

    def read(self, image: RgbImage) -> Sequence[Line]:
        """Return all lines on an upright picture, in any order, boxes in its pixels."""
        ...

    def read_crops(self, crops: Sequence[RgbImage]) -> Sequence[Snippet]:
        """Read pictures of one line each; as many answers, in the same order."""
        ...


class LineFinder(Protocol):
    """Finds where text is without reading it, tilted or turned."""

    def find(self, image: RgbImage) -> Sequence[Corners]:
        """Return the corners of each piece of text: top left, top right, bottom right, bottom left as seen."""
        ...
