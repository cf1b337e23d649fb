"""Questions that once got an unsafe answer: what the last answer of each dialogue says, and what it never says."""

import json
from pathlib import Path
from typing import Any

import pytest

import interpret.evaluation
from interpret.evaluation import eval_consult
from knowledge_base import KnowledgeBase

LINES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(interpret.evaluation.__file__).with_name("hard_questions.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def base() -> KnowledgeBase:
    return KnowledgeBase.load()


class TestHardQuestions:
    @pytest.mark.parametrize("line", LINES, ids=[line["id"] for line in LINES])
    def test_are_answered_with_what_the_report_supports(self, line: dict[str, Any], base: KnowledgeBase):
        told = eval_consult(line, base)["answers"][-1]["text"]
        assert told
        assert [word for word in line["says"] if word not in told] == []
        assert [word for word in line["never"] if word in told] == []

    def test_every_line_expects_something(self):
        assert all(line["says"] or line["never"] for line in LINES)

    def test_every_cited_entry_opens(self, base: KnowledgeBase):
        cited = {
            citation["entry_id"]
            for line in LINES
            for answer in eval_consult(line, base)["answers"]
            for sentence in answer["sentences"]
            for citation in sentence["citations"]
            if "entry_id" in citation
        }
        assert cited
        assert all(base.entry(entry_id) is not None for entry_id in cited)
