"""A stand-in that returns lines recorded for a picture: unit tests of everything behind the engine."""

import hashlib
from collections.abc import Mapping, Sequence

from ocr.engines.port import Snippet
from ocr.image.arrays import RgbImage
from ocr.types import Corners, Line


def fingerprint(image: RgbImage) -> str:
    """Return the key under which a picture's lines are recorded."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


class ReplayEngine:
    """Adapter of `OcrEngine` and `LineFinder` that knows its pictures by fingerprint; others hold no text."""

    def __init__(self, pages: Mapping[str, Sequence[Line]], crops: Mapping[str, Snippet] | None = None) -> None:
        self._pages = dict(pages)
        self._crops = dict(crops or {})

    @property
    def name(self) -> str:
        """Says that nothing was read."""
        return "replay"

    def read(self, image: RgbImage) -> Sequence[Line]:
        """See `OcrEngine.read`."""
        return self._pages.get(fingerprint(image), ())

    def read_crops(self, crops: Sequence[RgbImage]) -> Sequence[Snippet]:
        """See `OcrEngine.read_crops`."""
        return [self._crops.get(fingerprint(crop), Snippet("", 0.0)) for crop in crops]

    def find(self, image: RgbImage) -> Sequence[Corners]:
        """See `LineFinder.find`."""
        return [line.corners for line in self.read(image) if line.corners]
