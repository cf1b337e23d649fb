"""Tables that open in a spreadsheet program, in Chinese and with nothing in them that runs."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: str) -> str:
    """Return a cell that a spreadsheet shows and does not run.

    >>> safe_cell("=1+1"), safe_cell("1.2.840")
    ("'=1+1", '1.2.840')
    """
    return f"'{value}" if value.startswith(_STARTS_A_FORMULA) else value


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines of CSV, as they come."""
    yield "\ufeff"  # without it Excel takes Chinese for another code page
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([safe_cell(cell) for cell in row])
        yield line.getvalue()
