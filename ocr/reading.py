"""One picture from bytes to a `Reading`. Runs inside the reading process; see `ocr.worker` for calling it safely."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ocr.engines.port import LineFinder, OcrEngine
from ocr.errors import PictureRefused
from ocr.image.arrays import RgbImage
from ocr.image.opening import Page, Pages, open_pages
from ocr.image.quality import mean_confidence, refusal_after_reading, refusal_before_reading
from ocr.image.slope import line_height
from ocr.image.straighten import Straightened, crop, straighten, turned
from ocr.image.turn import upright_turn
from ocr.layout.rows import rows_of
from ocr.limits import PictureLimits
from ocr.messages import REASONS
from ocr.report_form.form import Form, build_form
from ocr.report_form.second_reader import check
from ocr.report_form.verdict import refusal_of
from ocr.types import Box, Doubt, Line, Progress, Reading, Refusal

_POOR = 0.90
"""Mean confidence under which the page is read again without straightening, and the better reading kept."""
_INK = 12.0
_SURE_AGAIN = 0.40


@dataclass(frozen=True, slots=True)
class PageReading:
    """The lines of one page, in pixels of its straightened image."""

    page: Page
    level: Straightened
    lines: tuple[Line, ...]
    turn: int
    line_height: float


class ReportReader:
    """Reads pictures with a first engine, and checks what matters with a second if there is one."""

    def __init__(
        self, first: OcrEngine, *, finder: LineFinder | None, second: OcrEngine | None, limits: PictureLimits
    ) -> None:
        self._first = first
        self._finder = finder
        self._second = second
        self._limits = limits

    def read(self, data: bytes, progress: Callable[[Progress], None]) -> Reading:
        """Read a picture or PDF. What cannot be read comes back as a refused reading, not as an error."""
        started = time.monotonic()
        progress(Progress("opening", 0.05))
        try:
            opened = open_pages(data, self._limits)
            pages = self._read_pages(opened, progress)
            progress(Progress("checking", 0.85))
            reading = self._understand(pages)
        except PictureRefused as refused:
            return refusal_reading(refused.refusal, self._first.name, time.monotonic() - started)
        progress(Progress("done", 1.0))
        return replace(reading, seconds=time.monotonic() - started, pages=len(pages), pages_left_out=opened.left_out)

    def _read_pages(self, opened: Pages, progress: Callable[[Progress], None]) -> list[PageReading]:
        readings = []
        for index, page in enumerate(opened.pages):
            progress(Progress("reading", 0.1 + 0.7 * index / len(opened.pages)))
            readings.append(self._read_page(page, index))
        if not any(reading.lines for reading in readings):
            raise PictureRefused(Refusal.NO_TEXT)
        return readings

    def _read_page(self, page: Page, index: int) -> PageReading:
        refusal = refusal_before_reading(page.image)
        if refusal is not None and index > 0:  # the empty back of a sheet
            return PageReading(page, turned(page.image, 0), (), 0, 0.0)
        if refusal is not None:
            raise PictureRefused(refusal)
        reading = self._best_reading(page)
        poor = refusal_after_reading(reading.lines, reading.line_height, reading.level.image)
        if poor is not None and reading.lines:
            raise PictureRefused(poor)
        numbered = tuple(replace(line, box=replace(line.box, page=index)) for line in reading.lines)
        return replace(reading, lines=numbered)

    def _best_reading(self, page: Page) -> PageReading:
        corners = self._finder.find(page.image) if self._finder is not None else ()
        if not corners:
            raw = turned(page.image, 0)
            return PageReading(page, raw, tuple(self._first.read(raw.image)), 0, line_height_of(page.image))
        turn = upright_turn(page.image, corners, self._first)
        level = straighten(page.image, corners, turn)
        reading = PageReading(page, level, tuple(self._first.read(level.image)), turn, line_height(corners))
        if mean_confidence(reading.lines) >= _POOR:
            return reading
        # straightening rests on a guess about the page; where it reads badly the untouched picture may read better
        raw = turned(page.image, turn)
        again = replace(reading, level=raw, lines=tuple(self._first.read(raw.image)))
        return max(reading, again, key=lambda one: reading_score(one.lines))

    def _understand(self, pages: Sequence[PageReading]) -> Reading:
        rows = [row for page in pages for row in rows_of(page.lines)]
        form = build_form(rows, lambda box: self._look(pages[box.page].level.image, box))
        refusal = refusal_of(form.text, form.fields, len(form.rows))
        first = pages[0].page
        if refusal is not None:
            return refusal_reading(refusal, self._first.name, 0.0, (first.width, first.height))
        doubts = form.doubts + check(
            form.unsure, self._second, lambda line: _strip(pages[line.box.page].level.image, line)
        )
        return self._placed(form, _without_repeats(doubts), pages)

    def _look(self, image: RgbImage, box: Box) -> Line | None:
        part = image[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)]
        if min(part.shape[:2]) < 8 or float(np.ptp(np.percentile(part, (1, 99)))) < _INK:
            return None
        (snippet,) = self._first.read_crops([np.ascontiguousarray(part)])
        if not snippet.text or snippet.confidence < _SURE_AGAIN:
            return None
        return Line(snippet.text, box, snippet.confidence, (), snippet.char_confidences)

    def _placed(self, form: Form, doubts: Sequence[Doubt], pages: Sequence[PageReading]) -> Reading:
        def back(box: Box | None) -> Box | None:
            return None if box is None else _on_picture(box, pages[box.page])

        first = pages[0]
        return Reading(
            text=form.text,
            fields={key: replace(field, box=back(field.box)) for key, field in form.fields.items()},
            rows=tuple(replace(row, box=back(row.box)) for row in form.rows),
            doubts=tuple(replace(doubt, box=back(doubt.box)) for doubt in doubts),
            accepted=True,
            reason=None,
            engine=self._first.name,
            seconds=0.0,
            width=first.page.width,
            height=first.page.height,
            turn=first.turn,
        )


def refusal_reading(refusal: Refusal, engine: str, seconds: float, size: tuple[int, int] = (0, 0)) -> Reading:
    """Return the reading of a picture that is not read, with its sentence for the patient."""
    return Reading("", {}, (), (), False, REASONS[refusal], engine, seconds, *size, refusal=refusal)


def reading_score(lines: Sequence[Line]) -> float:
    """Return how much was read with confidence: unsure characters count against a reading."""
    return sum((line.confidence - 0.5) * len(line.text) for line in lines)


def line_height_of(image: RgbImage) -> float:
    """Return a generous line height for pictures whose lines could not be found: never the reason to refuse."""
    return float(image.shape[0])


def _strip(image: RgbImage, line: Line) -> RgbImage:
    box = line.box
    corners = line.corners or (
        (float(box.left), float(box.top)),
        (float(box.right), float(box.top)),
        (float(box.right), float(box.bottom)),
        (float(box.left), float(box.bottom)),
    )
    return crop(image, corners)


def _on_picture(box: Box, reading: PageReading) -> Box:
    placed, scale = reading.level.back(box), reading.page.scale
    left, top = max(0, round(placed.left * scale)), max(0, round(placed.top * scale))
    right = min(reading.page.width, round(placed.right * scale))
    bottom = min(reading.page.height, round(placed.bottom * scale))
    return Box(left, top, max(1, right - left), max(1, bottom - top), box.page)


def _without_repeats(doubts: Sequence[Doubt]) -> list[Doubt]:
    """Keep the first doubt about a place: several checks may stumble over the same characters."""
    kept: list[Doubt] = []
    for doubt in doubts:
        if not any(doubt.where == other.where and _overlap(doubt.box, other.box) for other in kept):
            kept.append(doubt)
    return kept


def _overlap(first: Box | None, second: Box | None) -> bool:
    if first is None or second is None or first.page != second.page:
        return False
    across = min(first.right, second.right) - max(first.left, second.left)
    down = min(first.bottom, second.bottom) - max(first.top, second.top)
    return across > 0.5 * min(first.width, second.width) and down > 0.5 * min(first.height, second.height)
