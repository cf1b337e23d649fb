"""`mingying eval items`: a CSV of names in, JSON lines out."""

import json

from typer.testing import CliRunner

from api.cli import command_line


def run(source, to):
    return CliRunner().invoke(command_line(), ["eval", "items", "--in", str(source), "--out", str(to)])


class TestEvalItems:
    def test_writes_one_line_a_name_in_the_public_form(self, tmp_path):
        source, to = tmp_path / "names.csv", tmp_path / "items.jsonl"
        source.write_text("﻿name\n胸部+上腹部CT平扫\n推拿\n", encoding="utf-8")
        assert run(source, to).exit_code == 0
        first, second = (json.loads(line) for line in to.read_text("utf-8").splitlines())
        assert first["name"] == "胸部+上腹部CT平扫"
        assert [set(part) for part in first["parts"]] == [
            {"modality", "body_part", "side", "method", "standard_code", "score"}
        ] * 2
        assert "演示" in first["note"]
        assert second["parts"] == []
        assert "推拿" in second["note"]

    def test_reads_an_export_in_gbk(self, tmp_path):
        source, to = tmp_path / "names.csv", tmp_path / "items.jsonl"
        source.write_bytes("name\n胸部CT平扫\n".encode("gb18030"))
        assert run(source, to).exit_code == 0
        assert json.loads(to.read_text("utf-8"))["parts"][0]["body_part"] == "胸部"

    def test_a_file_without_the_column_is_refused_and_writes_nothing(self, tmp_path):
        source, to = tmp_path / "names.csv", tmp_path / "items.jsonl"
        source.write_text("item\n胸部CT\n", encoding="utf-8")
        assert run(source, to).exit_code == 1
        assert not to.exists()
