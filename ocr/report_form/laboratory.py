"""Laboratory tables: rows of item, result, unit, reference range and flag."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ocr.layout.columns import Column, place
from ocr.layout.spans import Span, around, whole
from ocr.messages import UNCLEAR_NUMBER, VALUE_MISSING, VALUE_ODD
from ocr.report_form.flags import judged_flag, looks_like_flag, printed_flag
from ocr.report_form.lab_header import lab_columns
from ocr.report_form.labels import starts_header
from ocr.report_form.ranges import parse_range, parse_result
from ocr.report_form.units import spelled_unit
from ocr.types import Box, Doubt, LabRow, Line

Look = Callable[[Box], Line | None]
"""Reads one place of the page again; None when nothing stands there."""

_VALUE_AND_FLAG = re.compile(r"^(?P<before>[↑↓*]?)\s*(?P<value>.*?)\s*(?P<after>[↑↓*]|(?<=\d)\s*[HL])?$")
_WORD_RESULT = re.compile(r"阴|阳|正常|异常|未检出|未见|检出|弱|\+|-|清|黄|红|无|有|型|浊|透明|稀|软|少|多|/|见")
_DIGITS_ONLY = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"})


@dataclass(slots=True)
class LabSheet:
    """What the laboratory tables of a page hold.

    `rewritten` gives marks that turned out to be arrows, by the place of their line; `found` are pieces read on a
    second look, with the row they belong to.
    """

    rows: list[LabRow] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    rewritten: dict[Box, str] = field(default_factory=dict)
    found: list[tuple[int, Line]] = field(default_factory=list)


def read_lab_sheet(rows: Sequence[Sequence[Line]], look: Look) -> LabSheet:
    """Return the laboratory rows of a page; empty when there is no table of results."""
    sheet = LabSheet()
    columns: list[Column] = []
    for index, row in enumerate(rows):
        heading = lab_columns(row)
        if heading:
            columns = heading
            sheet.taken.add(index)
        elif columns and any(starts_header(line.text) for line in row):
            columns = []
        elif columns:
            sheet.taken.add(index)
            for cells in _groups(row, columns):
                _add_row(sheet, index, cells, columns, look)
    return sheet


@dataclass(slots=True)
class _Cells:
    group: int
    spans: dict[str, list[Span]]

    def text(self, kind: str) -> str:
        return " ".join(span.text.strip() for span in self.spans.get(kind, ()))

    def box(self) -> Box:
        return around([span.box for spans in self.spans.values() for span in spans])

    def confidence(self) -> float:
        return min(span.confidence for spans in self.spans.values() for span in spans)


def _groups(row: Sequence[Line], columns: Sequence[Column]) -> Iterator[_Cells]:
    placed = place([whole(line) for line in row], columns)
    for group in sorted({column.group for column, _ in placed}):
        cells = _Cells(group, {})
        for column, span in placed:
            if column.group == group:
                cells.spans.setdefault(column.kind, []).append(span)
        yield cells


def _add_row(sheet: LabSheet, index: int, cells: _Cells, columns: Sequence[Column], look: Look) -> None:
    item, reference = cells.text("item"), cells.text("reference")
    value, glued = _value_and_flag(cells.text("value"))
    if not item or not (value or parse_range(reference)):
        return  # a group heading or a remark: it stays in the text
    where = f"row:{len(sheet.rows)}"
    if not value:
        value = _missing_value(sheet, index, cells, columns, look)
        sheet.doubts.append(Doubt(value or item, cells.box(), UNCLEAR_NUMBER if value else VALUE_MISSING, where))
    value = _numeric_spelling(value, reference)
    if value and parse_range(reference) and parse_result(value) is None and not _WORD_RESULT.search(value):
        sheet.doubts.append(Doubt(value, cells.box(), VALUE_ODD, where))
    mark = printed_flag(cells.text("flag")) or glued
    judged = judged_flag(mark, value, reference)
    if not mark and judged.why and (second := _flag_again(sheet, index, cells, columns, look)):
        judged = judged_flag(second, value, reference)
    if judged.why:
        sheet.doubts.append(Doubt(f"{item} {value} {judged.flag}".strip(), cells.box(), judged.why, where))
    if mark == "?" and judged.flag:
        sheet.rewritten |= {span.line.box: judged.flag for span in cells.spans["flag"] if len(span.text) <= 2}
    unit = spelled_unit(cells.text("unit").replace(" ", "")) or cells.text("unit")
    sheet.rows.append(LabRow(item, value, unit, reference, judged.flag, cells.box(), cells.confidence()))


def _value_and_flag(text: str) -> tuple[str, str]:
    match = _VALUE_AND_FLAG.match(text.strip())
    if match is None:
        return text, ""
    mark = match["before"] or (match["after"] or "").strip()
    return match["value"].strip(), printed_flag(mark)


def _numeric_spelling(value: str, reference: str) -> str:
    """Where the range is numeric and only digits make sense, letters that look like digits are digits."""
    spelled = value.translate(_DIGITS_ONLY)
    return spelled if parse_range(reference) and parse_result(spelled) is not None else value


def _missing_value(sheet: LabSheet, index: int, cells: _Cells, columns: Sequence[Column], look: Look) -> str:
    line = _look_at(cells, columns, "value", look)
    if line is None or parse_result(line.text.translate(_DIGITS_ONLY)) is None:
        return ""
    sheet.found.append((index, line))
    return line.text


def _flag_again(sheet: LabSheet, index: int, cells: _Cells, columns: Sequence[Column], look: Look) -> str:
    line = _look_at(cells, columns, "flag", look)
    if line is None or not looks_like_flag(line.text):
        return ""
    sheet.found.append((index, line))
    mark = printed_flag(line.text)
    if mark == "?":
        judged = judged_flag(mark, cells.text("value"), cells.text("reference"))
        sheet.rewritten[line.box] = judged.flag or line.text
    return mark


def _look_at(cells: _Cells, columns: Sequence[Column], kind: str, look: Look) -> Line | None:
    heading = next((column.box for column in columns if column.kind == kind and column.group == cells.group), None)
    if heading is None:
        return None
    row = cells.box()
    height = max(span.box.height for spans in cells.spans.values() for span in spans)
    middle = row.center[1]
    return look(Box(heading.left, round(middle - 0.6 * height), heading.width, round(1.2 * height), row.page))
