"""`mingying eval items` and `eval orders`: exam item names and the duplicate rule over a file."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from api.commands.common import fail
from api.commands.evaluate import InOption, Line, OutOption, app, run_lines, write_rows
from imaging_core.coding import mapped, parse_name, starter_catalogue
from imaging_core.patients.registration import EncounterClass
from imaging_core.reminders import Level, PriorExam, Rule, judge, needs_reason
from interpret.errors import InvalidLine

__all__ = ["app"]  # the group `mingying eval`, with what is here

_Choice = TypeVar("_Choice")
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


@app.command(epilog="Example: mingying eval orders --in orders.jsonl --out reminders.jsonl")
def orders(source: InOption, to: OutOption) -> None:
    """Judge orders against earlier examinations: same, related or none, and whether a reason is asked for."""
    run_lines(source, to, _order)


_REASONS = {
    Level.NONE: "无相同或相关检查",
    Level.RELATED: "有相关部位的检查，仅作提示",
    Level.SAME: "有效期内已有相同检查项目",
}


def _order(line: Line) -> dict[str, Any]:
    order, rule = _object(line, "order"), _rule(_object(line, "rule"))
    encounter = _choice(order, "order.encounter", {str(kind): kind for kind in EncounterClass})
    found = judge(
        parse_name(_text(order, "order.item")),
        hospital=_text(order, "order.hospital"),
        today=_day(line, "today"),
        history=[_prior(row, index) for index, row in enumerate(_list(line, "history"))],
        rule=rule,
    )
    nag = needs_reason(found.level, encounter)
    reason = _REASONS[found.level]
    if found.level is Level.SAME and not nag:
        reason += "；急诊不要求填写理由"
    return {
        "id": line["id"],
        "level": found.level.name.lower(),
        "which": list(found.which),
        "nag": nag,
        "reason": reason,
    }


def _prior(row: Any, index: int) -> PriorExam:  # noqa: ANN401 - JSON
    where = f"history[{index}]"
    if not isinstance(row, Mapping):
        raise InvalidLine(where, "an object")
    return PriorExam(
        hospital=_text(row, f"{where}.hospital"),
        item=parse_name(_text(row, f"{where}.item")),
        on=_day(row, f"{where}.date"),
        status=_text(row, f"{where}.status"),
    )


def _rule(row: Line) -> Rule:
    windows = row.get("per_modality") or {}
    if not isinstance(windows, Mapping):
        raise InvalidLine("rule.per_modality", "an object of days by modality")
    own = row.get("include_own_hospital")
    if not isinstance(own, bool):
        raise InvalidLine("rule.include_own_hospital", "true or false")
    return Rule(
        window_days=_days(row, "rule.window_days"),
        outside_window=_choice(row, "rule.outside_window", {level.name.lower(): level for level in Level}),
        include_own_hospital=own,
        per_modality={str(name): _days(windows, f"rule.per_modality.{name}") for name in windows},
    )


def _value(row: Line, path: str) -> Any:  # noqa: ANN401 - JSON
    return row.get(path.rsplit(".", 1)[-1])


def _text(row: Line, path: str) -> str:
    value = _value(row, path)
    if not isinstance(value, str):
        raise InvalidLine(path, "a text")
    return value


def _object(row: Line, path: str) -> Line:
    value = _value(row, path)
    if not isinstance(value, Mapping):
        raise InvalidLine(path, "an object")
    return value


def _list(row: Line, path: str) -> list[Any]:
    value = _value(row, path)
    if not isinstance(value, list):
        raise InvalidLine(path, "a list")
    return value


def _days(row: Line, path: str) -> int:
    value = _value(row, path)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidLine(path, "a number of days, 0 or more")
    return value


def _day(row: Line, path: str) -> date:
    value = _text(row, path)
    try:
        return date.fromisoformat(value[:10])  # a time of day may follow
    except ValueError:
        raise InvalidLine(path, "a date like 2026-01-31") from None


def _choice(row: Line, path: str, choices: Mapping[str, _Choice]) -> _Choice:
    value = _value(row, path)
    if not isinstance(value, str) or value not in choices:
        raise InvalidLine(path, "one of " + ", ".join(choices))
    return choices[value]
