"""How right a reading is, measured against a page whose printed text is known.

The truth of a page is its text, one printed piece a line, labels included, as in the measured test pages.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from rapidfuzz.distance import Levenshtein

from ocr.layout.spans import whole
from ocr.report_form.lab_header import lab_columns
from ocr.report_form.labels import header_labels
from ocr.report_form.sections import find_sections
from ocr.report_form.values import normalised
from ocr.types import Box, Field, LabRow, Line, Reading

_PUNCTUATION = re.compile(r"[\s,.;:，。；：、·()（）“”\"'‘’!！]")
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_FLAGS = frozenset("↑↓*")


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one page; add them up and divide."""

    characters: int
    character_errors: int
    pieces: int
    pieces_found: int
    fields: int
    fields_right: int
    lab_rows: int
    lab_rows_right: int


def folded(text: str) -> str:
    """Return the text without white space and with one width of characters, the way both sides are compared."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def score_text(truth: str, text: str) -> tuple[int, int, int, int]:
    """Return characters, errors (in reading order), printed pieces, and pieces found unchanged in the text."""
    wanted, got = folded(truth), folded(text)
    pieces = [folded(line) for line in truth.splitlines() if line.strip()]
    available = [folded(line) for line in text.splitlines()]
    found = 0
    for piece in pieces:
        if piece in available:
            available.remove(piece)  # 14 arrows need 14 arrows
            found += 1
        elif len(piece) > 1 and piece in got:
            found += 1
    return len(wanted), Levenshtein.distance(wanted, got), len(pieces), found


def score(truth: str, reading: Reading) -> Score:
    """Compare a reading with the truth. Running text counts as right if all but its punctuation is."""
    fields, rows = true_fields(truth), true_lab_rows(truth)
    right = sum(_same(value, reading.fields.get(key)) for key, value in fields.items())
    got = {(row.item, row.value, row.unit, row.reference, row.flag) for row in reading.rows}
    rows_right = sum((row.item, row.value, row.unit, row.reference, row.flag) in got for row in rows)
    return Score(*score_text(truth, reading.text), len(fields), right, len(rows), rows_right)


def true_fields(truth: str) -> dict[str, str]:
    """Return the fields that the printed text holds."""
    lines = [_printed(text, index) for index, text in enumerate(truth.splitlines()) if text.strip()]
    found: dict[str, str] = {"hospital": lines[0].text}
    for line in lines:
        for label in header_labels(whole(line)):
            if label.key and label.key != "sample_no" and line.text[label.end :].strip():
                found.setdefault(label.key, normalised(Field(label.key, line.text[label.end :], None, 1.0)).value)
    if not any(lab_columns([line]) or line.text == "参考范围" for line in lines):
        for section in find_sections([[line] for line in lines]):
            found[section.key] = "".join(span.text for row in section.rows for span in row)
    return found


def true_lab_rows(truth: str) -> list[LabRow]:
    """Return the laboratory rows of a sheet printed as item, result, unit, reference and perhaps a flag."""
    lines = [line.strip() for line in truth.splitlines() if line.strip()]
    if "提示" not in lines or "参考范围" not in lines:
        return []
    cells = lines[lines.index("提示") + 1 :]
    rows = []
    while len(cells) >= 4 and not any(header_labels(whole(_printed(cells[0], 0)))):
        flag = cells[4] if len(cells) > 4 and cells[4] in _FLAGS else ""
        rows.append(LabRow(cells[0], cells[1], cells[2], cells[3], flag))
        cells = cells[5 if flag else 4 :]
    return rows


def numbers_flagged_or_right(truth: str, reading: Reading) -> tuple[int, int]:
    """Return how many numbers were read wrongly, and how many of those carry no doubt.

    A wrong number is one that the truth does not hold as often.
    """
    wanted = list(_NUMBERS.findall(folded(truth)))
    doubted = " ".join(folded(doubt.text) for doubt in reading.doubts)
    wrong = []
    for number in _NUMBERS.findall(folded(reading.text)):
        if number in wanted:
            wanted.remove(number)
        else:
            wrong.append(number)
    return len(wrong), sum(number not in doubted for number in wrong)


def total(scores: Sequence[Score]) -> Score:
    """Add up."""
    return Score(*(sum(column) for column in zip(*map(astuple, scores), strict=True)))


def _same(value: str, field: Field | None) -> bool:
    return field is not None and _PUNCTUATION.sub("", folded(value)) == _PUNCTUATION.sub("", folded(field.value))


def _printed(text: str, row: int) -> Line:
    return Line(text.strip(), Box(0, 40 * row, 20 * len(text), 30), 1.0)
