"""Accounts from a spreadsheet: every row is checked, and all of them are made or none."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from api.accounts.roles import Role, conflict
from api.accounts.store import LOGIN_PATTERN
from api.messages import import_accounts as words

MOST_BYTES = 1024 * 1024
MOST_PEOPLE = 200
"""Passwords are hashed one by one, which is made to be slow."""
_MOST_UNPACKED = 8 * 1024 * 1024
_MOST_MEMBERS = 100
_MOST_SCANNED = 3000
"""Rows looked at, empty ones too: a sheet may say that its next row is the millionth."""
_MOST_COLUMNS = 16
_MOST_CHARACTERS = 64
_COLUMNS = (words.NAME, words.LOGIN, words.DEPARTMENT, words.ROLES)
_OPTIONAL = {words.DEPARTMENT}
_ROLES = {name: role for role, name in words.ROLE_NAMES.items()}
_BETWEEN_ROLES = re.compile(r"[、,，;；/\s]+")


class SheetRefused(Exception):
    """The file as a whole cannot be read; `reason` may be shown."""

    def __init__(self, reason: str) -> None:
        super().__init__("accounts sheet refused")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One person of the sheet, as far as it could be read. `row` counts as the spreadsheet does."""

    row: int
    name: str
    login: str
    department: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one cell."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class AccountSheet:
    """People of a sheet and all that is wrong with them."""

    rows: tuple[SheetRow, ...]
    errors: tuple[RowError, ...]


def read_accounts(content: bytes, taken: AbstractSet[str]) -> AccountSheet:
    """Read a sheet; `taken` are logins in use, in lower case.

    Raises:
        SheetRefused: no workbook, one that would fill the memory, or one without our columns.
    """
    _look_inside(content)
    try:
        table = list(_cells(content))
    except SheetRefused:
        raise
    except Exception as error:  # openpyxl answers broken files with a dozen kinds of error
        raise SheetRefused(words.BROKEN) from error
    if not table:
        raise SheetRefused(words.EMPTY)
    columns = _columns(table[0][1])
    people = [(row, cells) for row, cells in table[1:] if any(cell.value not in (None, "") for cell in cells)]
    if not people:
        raise SheetRefused(words.EMPTY)
    if len(people) > MOST_PEOPLE:
        raise SheetRefused(words.too_many(MOST_PEOPLE))
    rows: list[SheetRow] = []
    errors: list[RowError] = []
    used: dict[str, int] = {}
    for number, cells in people:
        row, wrong = _person(number, {name: cells[at] for name, at in columns.items()}, taken, used)
        used.setdefault(row.login.lower(), number)
        rows.append(row)
        errors += wrong
    return AccountSheet(tuple(rows), tuple(errors))


def template() -> bytes:
    """Return an empty sheet with its headings, and a second page that says how to fill it."""
    from openpyxl import Workbook  # loaded by who needs it, not at every start
    from openpyxl.styles import Font

    book = Workbook()
    people = book.worksheets[0]
    people.title = words.SHEET
    guide = book.create_sheet("填写说明")
    people.append(_COLUMNS)
    for line in words.GUIDE:
        guide.append(line)
    for sheet, widths in ((people, (16, 20, 20, 32)), (guide, (12, 100))):
        for letter, width in zip("ABCD", widths, strict=False):
            sheet.column_dimensions[letter].width = width
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
    # logins such as 1e5 stay what was typed
    for letter in "ABCD":
        people.column_dimensions[letter].number_format = "@"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Cell:
    value: Any
    kind: str = "s"


def _look_inside(content: bytes) -> None:
    """Refuse what is no workbook, or unfolds to more than a list of people needs, before anything is unfolded."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if "[Content_Types].xml" not in {member.filename for member in members}:
                raise SheetRefused(words.WRONG_TYPE)
            # zipfile never unpacks more of a member than its entry says
            if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_UNPACKED:
                raise SheetRefused(words.too_big(MOST_PEOPLE))
            if any(b"<!DOCTYPE" in archive.read(member) for member in members):
                raise SheetRefused(words.BROKEN)
    except zipfile.BadZipFile as error:
        raise SheetRefused(words.WRONG_TYPE) from error
    except (RuntimeError, NotImplementedError, OSError, EOFError) as error:  # with a password; unknown compression
        raise SheetRefused(words.BROKEN) from error


def _cells(content: bytes) -> Iterator[tuple[int, list[_Cell]]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    if not book.worksheets:
        raise SheetRefused(words.WRONG_TYPE)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what the file says of its own size may be wrong
    for number, cells in enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS), start=1):
        if number > _MOST_SCANNED:
            raise SheetRefused(words.too_many(MOST_PEOPLE))
        found = [_Cell(cell.value, cell.data_type) for cell in cells]
        yield number, found + [_Cell(None)] * (_MOST_COLUMNS - len(found))


def _columns(headings: Sequence[_Cell]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, cell in enumerate(headings):
        name = _plain(cell.value)
        if not name:
            continue
        if name not in _COLUMNS or name in found:
            raise SheetRefused(words.unknown_column(name))
        found[name] = at
    for name in _COLUMNS:
        if name not in found and name not in _OPTIONAL:
            raise SheetRefused(words.missing_column(name))
    return found


def _person(
    number: int, cells: dict[str, _Cell], taken: AbstractSet[str], used: dict[str, int]
) -> tuple[SheetRow, list[RowError]]:
    texts: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name in _COLUMNS:
        texts[name], reason = _text(cells.get(name, _Cell(None)), optional=name in _OPTIONAL)
        if reason:
            wrong[name] = reason
    login = texts[words.LOGIN]
    if words.LOGIN not in wrong:
        if not re.fullmatch(LOGIN_PATTERN, login):
            wrong[words.LOGIN] = words.LOGIN_FORM
        elif login.lower() in used:
            wrong[words.LOGIN] = words.same_login(used[login.lower()])
        elif login.lower() in taken:
            wrong[words.LOGIN] = words.LOGIN_TAKEN
    names = [name for name in _BETWEEN_ROLES.split(texts[words.ROLES]) if name]
    roles = frozenset(_ROLES[name] for name in names if name in _ROLES)
    if words.ROLES not in wrong:
        unknown = [name for name in names if name not in _ROLES]
        if unknown:
            wrong[words.ROLES] = words.unknown_role(unknown[0])
        elif conflict(roles):
            wrong[words.ROLES] = words.ROLES_CONFLICT
        elif not roles:
            wrong[words.ROLES] = words.MISSING
    row = SheetRow(number, texts[words.NAME], login, texts[words.DEPARTMENT], roles)
    return row, [RowError(number, name, wrong[name]) for name in _COLUMNS if name in wrong]


def _text(cell: _Cell, *, optional: bool) -> tuple[str, str]:
    """Return a cell's text, and what is wrong with it."""
    if cell.kind == "f":
        return "", words.FORMULA
    if cell.value is not None and (isinstance(cell.value, bool) or not isinstance(cell.value, str | int)):
        return "", words.NOT_TEXT
    if cell.kind == "e":
        return "", words.NOT_TEXT
    text = _plain(cell.value)
    if not text and not optional:
        return "", words.MISSING
    if len(text) > _MOST_CHARACTERS:
        return text[:_MOST_CHARACTERS], words.TOO_LONG
    if any(unicodedata.category(character).startswith("C") for character in text):
        return "".join(character for character in text if character.isprintable()), words.UNPRINTABLE
    return text, ""


def _plain(value: object) -> str:
    # full-width letters and digits come from Chinese keyboards
    return "" if value is None else unicodedata.normalize("NFKC", str(value)).strip()
