"""From rows of lines to the form: fields, laboratory rows and what must be confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocr.messages import LOOKALIKE, UNCLEAR
from ocr.report_form.critical import measures_without_unit, unreadable_spans
from ocr.report_form.header import find_hospital, find_pairs, find_title_item
from ocr.report_form.laboratory import LabSheet, Look, read_lab_sheet
from ocr.report_form.lookalikes import Correction, corrected
from ocr.report_form.second_reader import UnsureLine, unsure_line
from ocr.report_form.sections import Section, find_sections
from ocr.report_form.units import spelled_unit
from ocr.report_form.values import normalised
from ocr.types import Box, Doubt, Field, LabRow, Line, Point

FIELD_KEYS = (
    "hospital", "department", "name", "sex", "age", "exam_no", "exam_item", "exam_date", "report_date", "findings",
    "impression", "reporting_physician", "verifying_physician",
)  # fmt: skip
_SURE_OF_HEAD = 0.75
"""Head fields are checked by the person anyway; only weak ones are pointed at."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was found, boxes in pixels of the straightened pages. `unsure` is for the second reader."""

    text: str
    fields: dict[str, Field]
    rows: list[LabRow]
    doubts: list[Doubt]
    unsure: list[UnsureLine]


def build_form(rows: Sequence[Sequence[Line]], look: Look) -> Form:
    """Fill the report form from the rows of all pages.

    Args:
        rows: Lines in reading order, as `layout.rows.rows_of` gives them.
        look: Reads one place again, for cells of a table that the reader missed.
    """
    pairs = [[corrected(line) for line in row] for row in rows]
    tidy = [[line for line, _ in row] for row in pairs]
    corrections = [[correction for _, found in row for correction in found] for row in pairs]
    sheet = read_lab_sheet(tidy, look)
    sections = [] if sheet.rows else find_sections(tidy)
    places = _places(len(tidy), sheet, sections)
    fields = _fields(tidy, sections, places)
    doubts = [_correction_doubt(item, places[index]) for index, row in enumerate(corrections) for item in row]
    doubts += sheet.doubts
    doubts += [doubt for field in fields.values() if (doubt := _head_doubt(field)) is not None]
    unsure = []
    for index, row in enumerate(tidy):
        following = tidy[index + 1][0].text if index + 1 < len(tidy) else ""
        doubts += [doubt for line in row for doubt in _line_doubts(line, following, places[index])]
        unsure += [item for line in row if (item := _unsure(line, places[index], sheet)) is not None]
    return Form(_text(tidy, sheet), fields, sheet.rows, doubts, unsure)


def _places(count: int, sheet: LabSheet, sections: Sequence[Section]) -> list[str]:
    """Return for each row of the page the section or table it belongs to, "" for head and foot."""
    places = [""] * count
    for section in sections:
        for index in section.taken:
            places[index] = section.key
    for index in sheet.taken:
        places[index] = "rows"
    return places


def _fields(rows: Sequence[Sequence[Line]], sections: Sequence[Section], places: Sequence[str]) -> dict[str, Field]:
    outside = [row for row, place in zip(rows, places, strict=True) if not place]
    found = find_pairs(outside)
    fallbacks = {
        "exam_no": found.pop("sample_no", None),
        "exam_item": find_title_item(rows),
        "hospital": find_hospital(rows),
    }
    for key, fallback in fallbacks.items():
        if key not in found and fallback is not None:
            found[key] = replace(fallback, key=key)
    for section in sections:
        field = section.to_field()
        if field is None:
            continue
        earlier = found.get(section.key)
        found[section.key] = replace(earlier, value=f"{earlier.value}\n{field.value}") if earlier else field
    return {key: normalised(found[key]) for key in FIELD_KEYS if key in found}


def _correction_doubt(correction: Correction, where: str) -> Doubt:
    span = correction.span
    return Doubt(span.text, span.box, LOOKALIKE.format(read=correction.read, written=span.text), where)


def _head_doubt(field: Field) -> Doubt | None:
    if field.key in ("findings", "impression") or field.confidence >= _SURE_OF_HEAD:
        return None
    return Doubt(field.value, field.box, UNCLEAR, field.key)


def _line_doubts(line: Line, following: str, where: str) -> list[Doubt]:
    if where not in ("findings", "impression"):
        return []
    pieces = [*measures_without_unit(line, following), *unreadable_spans(line)]
    return [Doubt(piece.span.text, piece.span.box, piece.why, where) for piece in pieces]


def _unsure(line: Line, place: str, sheet: LabSheet) -> UnsureLine | None:
    if place == "rows":
        # a unit we know by its spelling is beyond doubt, however faint its digits
        if spelled_unit(line.text.strip()) is not None or line.box in sheet.rewritten:
            return None
        middle = line.box.center
        inside = (index for index, row in enumerate(sheet.rows) if row.box is not None and _holds(row.box, middle))
        place = f"row:{next(inside, '')}"
    return unsure_line(line, place) if place else None


def _holds(box: Box, point: Point) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom


def _text(rows: Sequence[Sequence[Line]], sheet: LabSheet) -> str:
    """Return the text, one printed piece a line, with what the second look at the table found in its place."""
    printed = []
    for index, row in enumerate(rows):
        pieces = [*row, *(line for place, line in sheet.found if place == index)]
        pieces.sort(key=lambda line: line.box.left)
        printed += [sheet.rewritten.get(line.box, line.text) for line in pieces]
    return "\n".join(printed)
