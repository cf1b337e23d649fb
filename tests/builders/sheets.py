"""Spreadsheets to be imported, good and hostile."""

import io
import zipfile
from collections.abc import Iterable, Sequence

from openpyxl import Workbook

HEADINGS = ("姓名", "账号", "科室", "角色")


def sheet(rows: Iterable[Sequence[object]], headings: Sequence[object] = HEADINGS) -> bytes:
    book = Workbook()
    people = book.worksheets[0]
    people.append(list(headings))
    for row in rows:
        people.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_member(content: bytes, name: str, member: bytes) -> bytes:
    """Return a workbook of which one member is replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for item in before.infolist():
            if item.filename != name:
                after.writestr(item, before.read(item))
        after.writestr(name, member)
    return out.getvalue()
