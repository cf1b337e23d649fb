"""The calibrated decision."""

import pytest

from knowledge_base import KnowledgeBase
from knowledge_base.evaluation.calibrate import fit
from knowledge_base.search import Calibration, KnownDecision

DECISION = KnownDecision(features=("name", "unseen"), weights=(4.0, -4.0), bias=0.0, threshold=0.5)


class TestDecision:
    def test_follows_the_signals(self):
        assert DECISION.is_known({"name": 1.0, "unseen": 0.1})
        assert not DECISION.is_known({"name": 0.0, "unseen": 0.9})

    def test_survives_signals_beyond_reason(self):
        assert DECISION.probability({"name": 1e9, "unseen": 0}) == pytest.approx(1)
        assert DECISION.probability({"name": -1e9, "unseen": 0}) == pytest.approx(0)


class TestFit:
    def test_separates_what_can_be_separated(self):
        rows = [{"name": n, "unseen": u} for n, u in [(1, 0), (0.9, 0.2), (0.8, 0.1), (0, 0.8), (0.1, 0.9), (0.2, 1)]]
        known = [True, True, True, False, False, False]
        decision = fit(rows, known, ["name", "unseen"])
        assert [decision.is_known(row) for row in rows] == known

    def test_gives_both_errors_the_same_weight_however_many_cases_each_has(self):
        rows = [{"name": 0.9}] * 50 + [{"name": 0.1}] * 3
        decision = fit(rows, [True] * 50 + [False] * 3, ["name"])
        assert not decision.is_known({"name": 0.1})


def test_the_weights_that_ship_can_be_read_and_written_back(tmp_path):
    import json

    shipped = Calibration.read()
    (tmp_path / "c.json").write_text(json.dumps(shipped.as_dict()))
    again = Calibration.read(tmp_path / "c.json")
    assert again.as_dict() == shipped.as_dict()
    assert set(shipped.keyword.features) < set(shipped.hybrid.features)


def test_a_question_about_something_nobody_asks_the_best_entry_for_is_foreign():
    base = KnowledgeBase.load()
    assert base.signals("糖尿病打胰岛素打在哪里")["foreign"] == 1
    assert base.signals("糖尿病人能做增强CT吗")["foreign"] == 0
