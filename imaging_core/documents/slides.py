"""Whole-slide images (全视野数字切片) as slide scanners write them: their levels and tiles, for a viewer.

The received file is kept as it is. OpenSlide reads it in a limited child (extra `pathology`); kinds that lie in several
files are not taken.
"""

from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Final, Self

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.derive.renderer import RendererLimits
from imaging_core.documents.errors import DocumentTypeRefused, RefusalReason
from imaging_core.documents.opened import OpenedFiles
from imaging_core.errors import FrameNotFound, PixelsNotReadable

TILE: Final = 512
"""Pixels of a tile's side; those at the right and lower edge are smaller."""
_LARGEST_OVERVIEW: Final = 2048
_LIMITS: Final = RendererLimits(memory_bytes=3 * 1024**3, seconds_per_answer=30)


def slides_are_read() -> bool:
    """Return whether the library is installed."""
    return find_spec("openslide") is not None


@dataclass(frozen=True, slots=True)
class SlideLevel:
    """One resolution; level 0 is the largest. `factor` is how many times coarser than it."""

    width: int
    height: int
    factor: float

    @property
    def columns(self) -> int:
        """Return how many tiles lie side by side."""
        return -(-self.width // TILE)

    @property
    def rows(self) -> int:
        """Return how many tiles lie one under another."""
        return -(-self.height // TILE)


@dataclass(frozen=True, slots=True)
class Slide:
    """What is known of a slide. `microns_per_pixel` (across, down) is None where the scanner does not say."""

    vendor: str
    levels: tuple[SlideLevel, ...]
    microns_per_pixel: tuple[float, float] | None
    objective_power: float | None


class SlideReader:
    """Reads slides that a store keeps. Not for use by several threads."""

    def __init__(self, blobs: BlobStore, limits: RendererLimits = _LIMITS) -> None:
        self._files = OpenedFiles(blobs, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child that reads them."""
        self._files.close()

    def check(self, blob: BlobRef) -> None:
        """Open a file that may be a slide.

        Raises:
            DocumentTypeRefused: It is none, or nothing here can read it.
        """
        try:
            self.slide(blob)
        except PixelsNotReadable as error:
            reason = RefusalReason.DAMAGED
            with suppress(ValueError):
                reason = RefusalReason(error.reason_code)
            raise DocumentTypeRefused(reason) from error

    def slide(self, blob: BlobRef) -> Slide:
        """Return what is known of a slide.

        Raises:
            PixelsNotReadable: It cannot be opened.
            BlobMissing: The store does not hold it.
        """
        facts = self._files.ask(blob, {"kind": "slide_facts"}).head
        across, down = facts["microns_per_pixel"]
        return Slide(
            vendor=facts["vendor"],
            levels=tuple(SlideLevel(width, height, factor) for width, height, factor in facts["levels"]),
            microns_per_pixel=(across, down) if across and down else None,
            objective_power=facts["objective_power"],
        )

    def tile(self, blob: BlobRef, *, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPG; columns and rows count from 0, from the upper left.

        Raises:
            FrameNotFound: The slide has no such tile.
            PixelsNotReadable: It cannot be read.
        """
        levels = self.slide(blob).levels
        if not 0 <= level < len(levels):
            raise FrameNotFound(blob.digest, level)
        there = levels[level]
        if not (0 <= column < there.columns and 0 <= row < there.rows):
            raise FrameNotFound(blob.digest, row * there.columns + column)
        left, top = column * TILE, row * TILE
        region = {
            "left": left,
            "top": top,
            "width": min(TILE, there.width - left),
            "height": min(TILE, there.height - top),
        }
        return self._files.ask(blob, {"kind": "slide_region", "level": level} | region).payloads[0]

    def overview(self, blob: BlobRef, *, size: int = 512) -> bytes:
        """Return the whole slide as JPG, at most `size` pixels wide and high.

        Raises:
            PixelsNotReadable: It cannot be read.
        """
        return self._files.ask(blob, {"kind": "slide_overview", "size": min(size, _LARGEST_OVERVIEW)}).payloads[0]
