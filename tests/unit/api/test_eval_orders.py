"""`mingying eval orders`: orders with their history in, levels out."""

import json
from copy import deepcopy
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import command_line

LINE: dict[str, Any] = {
    "id": "o1",
    "today": "2026-11-24",
    "order": {"item": "胸部+上腹部CT平扫", "encounter": "outpatient", "hospital": "A"},
    "history": [
        {"hospital": "B", "item": "头颅MRI", "date": "2026-11-20", "status": "final"},
        {"hospital": "B", "item": "胸部CT平扫", "date": "2026-11-20", "status": "final"},
    ],
    "rule": {"window_days": 30, "outside_window": "related", "include_own_hospital": False},
}


def run(tmp_path, *lines):
    source, to = tmp_path / "orders.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    result = CliRunner().invoke(command_line(), ["eval", "orders", "--in", str(source), "--out", str(to)])
    return result, [json.loads(line) for line in to.read_text("utf-8").splitlines()] if to.exists() else []


def changed(path, value):
    line = deepcopy(LINE)
    *way, last = path
    target = line
    for step in way:
        target = target[step]
    target[last] = value
    return line


class TestBadLines:
    @pytest.mark.parametrize(
        ("path", "value", "named"),
        [
            (("today",), "24.11.2026", "today"),
            (("order",), None, "order"),
            (("order", "item"), None, "order.item"),
            (("order", "encounter"), "随便", "order.encounter"),
            (("order", "hospital"), 7, "order.hospital"),
            (("history",), {}, "history"),
            (("history", 1), "胸部CT", "history[1]"),
            (("history", 1, "date"), "", "history[1].date"),
            (("history", 0, "status"), None, "history[0].status"),
            (("rule", "window_days"), -1, "rule.window_days"),
            (("rule", "window_days"), True, "rule.window_days"),
            (("rule", "outside_window"), "weak", "rule.outside_window"),
            (("rule", "include_own_hospital"), "no", "rule.include_own_hospital"),
            (("rule", "per_modality"), [7], "rule.per_modality"),
            (("rule", "per_modality"), {"CT": "7"}, "rule.per_modality.CT"),
        ],
    )
    def test_are_named_by_line_and_field(self, tmp_path, path, value, named):
        result, _ = run(tmp_path, LINE, changed(path, value))
        assert result.exit_code == 1
        assert f"line 2: {named} must be" in " ".join(result.output.split())


class TestEvalOrders:
    def test_writes_the_public_form(self, tmp_path):
        result, (row,) = run(tmp_path, LINE)
        assert result.exit_code == 0
        assert row == {"id": "o1", "level": "same", "which": [1], "nag": True, "reason": "有效期内已有相同检查项目"}

    def test_an_emergency_is_told_and_not_nagged(self, tmp_path):
        _, (row,) = run(tmp_path, changed(("order", "encounter"), "emergency"))
        assert (row["level"], row["nag"]) == ("same", False)

    def test_without_history_there_is_nothing_to_tell(self, tmp_path):
        _, (row,) = run(tmp_path, changed(("history",), []))
        assert (row["level"], row["which"], row["nag"]) == ("none", [], False)

    def test_a_window_of_one_modality_goes_before_the_common_one(self, tmp_path):
        _, (row,) = run(tmp_path, changed(("rule", "per_modality"), {"CT": 3}))
        assert (row["level"], row["which"]) == ("related", [1])

    def test_further_fields_are_allowed(self, tmp_path):
        result, rows = run(tmp_path, {**LINE, "note": "x"})
        assert result.exit_code == 0
        assert len(rows) == 1
