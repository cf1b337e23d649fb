"""`mingying eval items` and `eval orders`: exam item names and the duplicate rule over a file."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.common import fail
from api.commands.evaluate import OutOption, app, write_rows
from imaging_core.coding import mapped, parse_name, starter_catalogue

__all__ = ["app"]  # the group `mingying eval`, with what is here

_NOTE = "编码为演示目录，不是任何标准的编码"


@app.command(epilog="Example: mingying eval items --in names.csv --out items.jsonl")
def items(
    source: Annotated[Path, typer.Option("--in", exists=True, dir_okay=False, help="CSV, UTF-8, with a column name.")],
    to: OutOption,
) -> None:
    """Split exam item names into single items and map them to the (demo) standard catalogue."""
    # Excel writes a byte order mark; old exports are GBK
    content = source.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    rows = csv.DictReader(StringIO(text, newline=""))
    if "name" not in (rows.fieldnames or ()):
        fail(f"{source} has no column 'name'")
    write_rows(to, _item_lines(rows))


def _item_lines(rows: Iterable[Mapping[str, str | None]]) -> Iterator[dict[str, Any]]:
    catalogue = starter_catalogue()
    for row in rows:
        name = row["name"] or ""
        parsed = parse_name(name)
        parts = [
            {
                "modality": found.item.modality,
                "body_part": found.item.body_part,
                "side": found.item.side,
                "method": list(found.item.methods),
                "standard_code": found.standard_code,
                "score": found.score,
            }
            for found in mapped(parsed, catalogue)
        ]
        note = _NOTE
        if parsed.unknown:
            note += "；未识别：" + "、".join(parsed.unknown)
        yield {"name": name, "parts": parts, "note": note}
