"""The public evaluation lines: names and kinds of values as documented."""

import json

import pytest

from interpret.errors import InvalidLine, PromptNotFound
from interpret.evaluation import eval_consult, eval_guard, eval_report
from interpret.prompts import load_prompt
from tests.builders.knowledge import SmallKnowledge
from tests.builders.reports import CHEST_CT

KNOWLEDGE = SmallKnowledge()
REPORT = {"findings": CHEST_CT.findings, "impression": CHEST_CT.impression}


class TestReportLines:
    def test_have_the_documented_fields(self):
        line = eval_report({"id": 7, **REPORT, "modality": "CT", "sex": "男", "age": 63}, KNOWLEDGE)
        assert json.loads(json.dumps(line)) == line
        assert set(line) == {
            "id", "terms", "findings", "critical", "critical_reasons", "urgency", "explanation",
        }  # fmt: skip
        assert set(line["terms"][0]) == {"text", "section", "start", "end", "entry_id", "negated"}
        assert set(line["findings"][0]) == {
            "text", "section", "start", "end", "status", "side", "level", "measurements", "uncertain",
        }  # fmt: skip
        assert set(line["explanation"][0]) == {"text", "source_spans", "citations"}
        assert (line["id"], line["urgency"], line["critical"]) == (7, 3, False)

    def test_a_missing_section_is_empty_and_another_kind_is_refused(self):
        assert eval_report({"id": "a"}, KNOWLEDGE)["findings"] == []
        with pytest.raises(InvalidLine, match="findings"):
            eval_report({"id": "a", "findings": 3}, KNOWLEDGE)


class TestGuardLines:
    def test_pass_and_block(self):
        right = eval_guard({"id": "a", "report": REPORT, "sentence": "右肺上叶有磨玻璃结节。"}, KNOWLEDGE)
        wrong = eval_guard({"id": "b", "report": REPORT, "sentence": "左肺上叶有磨玻璃结节。"}, KNOWLEDGE)
        assert right == {"id": "a", "verdict": "pass", "reason": None}
        assert wrong["verdict"] == "block"
        assert str(wrong["reason"]).startswith("side")

    def test_the_scope_of_an_answer_asks_for_everything(self):
        line = {"id": "a", "report": REPORT, "sentence": "右肺上叶有磨玻璃结节。", "scope": "answer"}
        assert str(eval_guard(line, KNOWLEDGE)["reason"]).startswith("missing_finding")

    @pytest.mark.parametrize("line", [{}, {"report": REPORT}, {"report": REPORT, "sentence": "x", "scope": "all"}])
    def test_another_shape_is_refused(self, line):
        with pytest.raises(InvalidLine):
            eval_guard(line, KNOWLEDGE)


class TestConsultLines:
    def test_answer_every_turn_with_its_history(self):
        line = {
            "id": "d",
            "report": REPORT,
            "patient": {"sex": "female", "age": 40},
            "turns": ["磨玻璃结节严重吗", "要复查吗"],
        }
        out = eval_consult(line, KNOWLEDGE)
        assert len(out["answers"]) == 2
        assert "3个月" in out["answers"][1]["text"]
        assert out["answers"][1]["triage"] == "routine"
        assert all(s["citations"] for s in out["answers"][1]["sentences"])

    def test_an_emergency_carries_the_cards_words(self):
        out = eval_consult({"id": "d", "turns": [{"question": "我爸胸痛喘不上气"}]}, KNOWLEDGE)
        assert out["answers"][0]["triage"] == "emergency"
        assert "120" in out["answers"][0]["text"]

    def test_turns_of_another_shape_are_refused(self):
        with pytest.raises(InvalidLine, match="turns"):
            eval_consult({"id": "d", "turns": [3]}, KNOWLEDGE)


class TestPrompts:
    def test_have_a_version(self):
        assert load_prompt("rephrase").label == "rephrase.v1"

    @pytest.mark.parametrize(("name", "version"), [("unknown", "v1"), ("rephrase", "v99"), ("../secret", "v1")])
    def test_an_unknown_one_is_an_error(self, name, version):
        with pytest.raises(PromptNotFound):
            load_prompt(name, version)
