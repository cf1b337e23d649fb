"""Reading lists from spreadsheets that strangers made: every cell is checked, hostile files are refused."""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from api.messages import sheets as words

_MOST_MEMBERS = 100
_MOST_COLUMNS = 16


class SheetRefused(Exception):
    """The file as a whole cannot be read; `reason` may be shown."""

    def __init__(self, reason: str) -> None:
        super().__init__("sheet refused")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SheetForm:
    """What a sheet of one kind may look like."""

    columns: tuple[str, ...]
    most_rows: int
    longest: int
    """Characters in a cell."""
    optional: AbstractSet[str] = field(default_factory=frozenset)
    """Columns whose cells may be empty, or that may be missing altogether."""
    most_unpacked: int = 8 * 1024 * 1024
    takes_csv: bool = False

    @property
    def most_scanned(self) -> int:
        """Rows looked at, empty ones too: a sheet may say that its next row is the millionth."""
        return self.most_rows + 2800


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one cell. `row` counts as the spreadsheet does."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowRead:
    """One row: the text of each column, and what is wrong with it by column."""

    row: int
    texts: dict[str, str]
    wrong: dict[str, str]

    def errors(self, form: SheetForm) -> list[RowError]:
        """Return what is wrong, in the order of the columns."""
        return [RowError(self.row, name, self.wrong[name]) for name in form.columns if name in self.wrong]


def read_rows(content: bytes, form: SheetForm) -> list[RowRead]:
    """Return the rows that hold something.

    Raises:
        SheetRefused: no workbook, one that would fill the memory, or one without our columns.
    """
    try:
        table = list(_csv_cells(content, form) if form.takes_csv and content[:2] != b"PK" else _cells(content, form))
    except SheetRefused:
        raise
    except Exception as error:  # openpyxl answers broken files with a dozen kinds of error
        raise SheetRefused(words.BROKEN) from error
    if not table:
        raise SheetRefused(words.EMPTY)
    columns = _columns(table[0][1], form)
    filled = [(row, cells) for row, cells in table[1:] if any(cell.value not in (None, "") for cell in cells)]
    if not filled:
        raise SheetRefused(words.EMPTY)
    if len(filled) > form.most_rows:
        raise SheetRefused(words.too_many(form.most_rows))
    return [_row(number, {name: cells[at] for name, at in columns.items()}, form) for number, cells in filled]


@dataclass(frozen=True, slots=True)
class _Cell:
    value: Any
    kind: str = "s"


def _look_inside(content: bytes, form: SheetForm) -> None:
    """Refuse what is no workbook, or unfolds to more than such a list needs, before anything is unfolded."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if "[Content_Types].xml" not in {member.filename for member in members}:
                raise SheetRefused(words.WRONG_TYPE)
            # zipfile never unpacks more of a member than its entry says
            if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > form.most_unpacked:
                raise SheetRefused(words.too_big(form.most_rows))
            if any(b"<!DOCTYPE" in archive.read(member) for member in members):
                raise SheetRefused(words.BROKEN)
    except zipfile.BadZipFile as error:
        raise SheetRefused(words.WRONG_TYPE) from error
    except (RuntimeError, NotImplementedError, OSError, EOFError) as error:  # with a password; unknown compression
        raise SheetRefused(words.BROKEN) from error


def _cells(content: bytes, form: SheetForm) -> Iterator[tuple[int, list[_Cell]]]:
    from openpyxl import load_workbook  # loaded by who needs it, not at every start

    _look_inside(content, form)
    book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    if not book.worksheets:
        raise SheetRefused(words.WRONG_TYPE)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what the file says of its own size may be wrong
    for number, cells in enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS), start=1):
        if number > form.most_scanned:
            raise SheetRefused(words.too_many(form.most_rows))
        yield number, _padded([_Cell(cell.value, cell.data_type) for cell in cells])


def _csv_cells(content: bytes, form: SheetForm) -> Iterator[tuple[int, list[_Cell]]]:
    for number, cells in enumerate(csv.reader(io.StringIO(_decoded(content), newline=""), strict=True), start=1):
        if number > form.most_scanned:
            raise SheetRefused(words.too_many(form.most_rows))
        yield number, _padded([_Cell(_without_guard(cell)) for cell in cells[:_MOST_COLUMNS]])


def _decoded(content: bytes) -> str:
    for charset in ("utf-8-sig", "gb18030"):  # Excel in Chinese saves CSV in the latter
        try:
            text = content.decode(charset)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetRefused(words.NEITHER_TYPE)


def _without_guard(cell: str) -> str:
    """Take away the mark that `api.spreadsheet.safe_cell` set before what looks like a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@"} else cell


def _padded(cells: list[_Cell]) -> list[_Cell]:
    return cells + [_Cell(None)] * (_MOST_COLUMNS - len(cells))


def _columns(headings: Sequence[_Cell], form: SheetForm) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, cell in enumerate(headings):
        name = plain(cell.value)
        if not name:
            continue
        if name not in form.columns or name in found:
            raise SheetRefused(words.unknown_column(name))
        found[name] = at
    for name in form.columns:
        if name not in found and name not in form.optional:
            raise SheetRefused(words.missing_column(name))
    return found


def _row(number: int, cells: dict[str, _Cell], form: SheetForm) -> RowRead:
    read = RowRead(number, {}, {})
    for name in form.columns:
        read.texts[name], reason = _text(cells.get(name, _Cell(None)), form, optional=name in form.optional)
        if reason:
            read.wrong[name] = reason
    return read


def _text(cell: _Cell, form: SheetForm, *, optional: bool) -> tuple[str, str]:
    """Return a cell's text, and what is wrong with it."""
    if cell.kind == "f":
        return "", words.FORMULA
    if cell.value is not None and (isinstance(cell.value, bool) or not isinstance(cell.value, str | int)):
        return "", words.NOT_TEXT
    if cell.kind == "e":
        return "", words.NOT_TEXT
    text = plain(cell.value)
    if not text and not optional:
        return "", words.MISSING
    if len(text) > form.longest:
        return text[: form.longest], words.too_long(form.longest)
    if any(unicodedata.category(character).startswith("C") for character in text):
        return "".join(character for character in text if character.isprintable()), words.UNPRINTABLE
    return text, ""


def plain(value: object) -> str:
    """Return a cell's text in half width: full-width letters and digits come from Chinese keyboards."""
    return "" if value is None else unicodedata.normalize("NFKC", str(value)).strip()
