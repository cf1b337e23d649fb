"""The hospital's own items from a spreadsheet, with the standard codes it knows of. All rows are taken or none."""

import re
from dataclasses import dataclass

from api.messages import codes as words
from api.sheet_reading import RowError, RowRead, SheetForm, read_rows
from api.workflows.review_codes import Imported
from imaging_core.coding import ExamItem, starter_catalogue
from imaging_core.coding.mappings import MappingRefused, check_items, name_key

MOST_BYTES = 4 * 1024 * 1024
_FORM = SheetForm(
    columns=words.COLUMNS,
    most_rows=10_000,
    longest=256,
    optional=frozenset(words.COLUMNS) - {words.NAME},
    most_unpacked=64 * 1024 * 1024,
    takes_csv=True,
)
_BETWEEN_CODES = re.compile(r"[、,，;；\s]+")
_LONGEST_CODE = 128


@dataclass(frozen=True, slots=True)
class CodeSheet:
    """Items of a sheet and all that is wrong with them."""

    rows: tuple[Imported, ...]
    errors: tuple[RowError, ...]


def read_codes(content: bytes) -> CodeSheet:
    """Read a list of items.

    Raises:
        SheetRefused: neither workbook nor CSV, one that would fill the memory, or one without our columns.
    """
    rows: list[Imported] = []
    errors: list[RowError] = []
    used: dict[tuple[str, str], int] = {}
    for read in read_rows(content, _FORM):
        row = _item(read)
        key = (row.code, name_key(row.name))
        if words.NAME not in read.wrong and key in used:
            read.wrong[words.NAME] = words.same_item(used[key])
        used.setdefault(key, read.row)
        rows.append(row)
        errors += read.errors(_FORM)
    return CodeSheet(tuple(rows), tuple(errors))


def written(item: ExamItem, code: str | None) -> str:
    """Return a standard item as a cell of the sheet holds it: codes know no sides.

    >>> written(ExamItem("DR", "膝关节", "左", ("正位", "侧位")), "DEMO-03-0804-4142")
    'DEMO-03-0804-4142/左'
    """
    return f"{code or ''}/{item.side}" if item.side else code or ""


def _item(read: RowRead) -> Imported:
    texts, wrong = read.texts, read.wrong
    if len(texts[words.CODE]) > _LONGEST_CODE:
        wrong[words.CODE] = f"超过 {_LONGEST_CODE} 个字"
    items: list[ExamItem] = []
    for text in filter(None, _BETWEEN_CODES.split(texts[words.STANDARD])):
        code, _, side = text.partition("/")
        item = starter_catalogue().item_of(code)
        if item is None or side not in {"", "左", "右", "双"}:
            wrong.setdefault(words.STANDARD, words.unknown_code(text))
            continue
        items.append(ExamItem(item.modality, item.body_part, side, item.methods))
    if items and words.STANDARD not in wrong:
        try:
            # a proposal: whether another part is meant is asked of the person who confirms it
            check_items(texts[words.NAME], items, unlike_name=True)
        except MappingRefused as refused:
            wrong[words.STANDARD] = words.REFUSED[refused.reason]
    return Imported(texts[words.CODE], texts[words.NAME], tuple(items))
