"""Accounts from a spreadsheet: every row is checked, and all of them are made or none."""

import io
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from api.accounts.roles import Role, conflict
from api.accounts.store import LOGIN_PATTERN
from api.messages import import_accounts as words
from api.messages import sheets
from api.sheet_reading import RowError, RowRead, SheetForm, read_rows

MOST_BYTES = 1024 * 1024
MOST_PEOPLE = 200
"""Passwords are hashed one by one, which is made to be slow."""
_FORM = SheetForm(
    columns=(words.NAME, words.LOGIN, words.DEPARTMENT, words.ROLES),
    most_rows=MOST_PEOPLE,
    longest=64,
    optional=frozenset({words.DEPARTMENT}),
)
_ROLES = {name: role for role, name in words.ROLE_NAMES.items()}
_BETWEEN_ROLES = re.compile(r"[、,，;；/\s]+")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One person of the sheet, as far as it could be read. `row` counts as the spreadsheet does."""

    row: int
    name: str
    login: str
    department: str
    roles: frozenset[Role]


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
    rows: list[SheetRow] = []
    errors: list[RowError] = []
    used: dict[str, int] = {}
    for read in read_rows(content, _FORM):
        row = _person(read, taken, used)
        used.setdefault(row.login.lower(), row.row)
        rows.append(row)
        errors += read.errors(_FORM)
    return AccountSheet(tuple(rows), tuple(errors))


def template() -> bytes:
    """Return an empty sheet with its headings, and a second page that says how to fill it."""
    from openpyxl import Workbook  # loaded by who needs it, not at every start
    from openpyxl.styles import Font

    book = Workbook()
    people = book.worksheets[0]
    people.title = words.SHEET
    guide = book.create_sheet("填写说明")
    people.append(_FORM.columns)
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


def _person(read: RowRead, taken: AbstractSet[str], used: dict[str, int]) -> SheetRow:
    """Return the person of a row, and note in the row what is wrong with them."""
    texts, wrong = read.texts, read.wrong
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
            wrong[words.ROLES] = sheets.MISSING
    return SheetRow(read.row, texts[words.NAME], login, texts[words.DEPARTMENT], roles)
