"""What the linter finds, one rule at a time, and that it finds nothing in good content."""

import pytest

from knowledge_base.ingest import lint_content
from tests.builders.content import FINDING, TERM, content_folder


def rules(tmp_path, sentence):
    terms = TERM.replace("第二段说复查。", sentence)
    return [problem.rule for problem in lint_content(content_folder(tmp_path, terms=terms))]


class TestDangerousSentences:
    @pytest.mark.parametrize(
        "sentence",
        ["阿莫西林每次2粒。", "每天吃3片。", "口服10毫克。", "用0.5 mg就行。", "服用该药5克。"],
    )
    def test_a_dose_is_found(self, tmp_path, sentence):
        assert "dose" in rules(tmp_path, sentence)

    @pytest.mark.parametrize("sentence", ["建议服用止咳药。", "可以吃消炎药。", "自行停药就好。"])
    def test_a_prescription_is_found(self, tmp_path, sentence):
        assert "prescription" in rules(tmp_path, sentence)

    @pytest.mark.parametrize("sentence", ["这肯定不是癌。", "保证治好。", "一定会好。", "已经没救了。"])
    def test_a_promise_or_a_sentence_of_doom_is_found(self, tmp_path, sentence):
        assert "promise" in rules(tmp_path, sentence)

    def test_advice_not_to_medicate_oneself_is_fine(self, tmp_path):
        assert rules(tmp_path, "不要自行停药，先问医生。") == []


class TestNumbers:
    @pytest.mark.parametrize("sentence", ["小于6 mm的不用随访。", "三个月后复查。", "3个月后复查。"])
    def test_that_stand_in_a_fact_of_the_source_pass(self, tmp_path, sentence):
        assert rules(tmp_path, sentence) == []

    @pytest.mark.parametrize("sentence", ["小于8 mm的不用随访。", "五个月后复查。", "十二个月后复查。", "危险有33%。"])
    def test_that_stand_in_no_fact_are_found(self, tmp_path, sentence):
        assert rules(tmp_path, sentence) == ["number without evidence"]

    def test_a_doubtful_fact_is_no_evidence(self, tmp_path):
        assert rules(tmp_path, "可能有77%。") == ["number without evidence"]

    def test_an_entry_without_sources_may_state_no_number(self, tmp_path):
        terms = TERM.replace("sources: [plain-source]", "sources: []").replace("第二段说复查。", "小于6 mm的不用随访。")
        assert [p.rule for p in lint_content(content_folder(tmp_path, terms=terms))] == ["number without evidence"]


class TestOtherRules:
    def test_a_long_sentence_is_found(self, tmp_path):
        assert rules(tmp_path, "很" * 61 + "。") == ["long sentence"]
        assert rules(tmp_path, "很" * 60 + "。") == []

    def test_an_entry_nobody_can_ask_for_is_found(self, tmp_path):
        terms = TERM.replace("questions: [磨玻璃结节是什么]", "questions: []")
        assert [p.rule for p in lint_content(content_folder(tmp_path, terms=terms))] == ["no questions"]

    def test_one_surface_in_two_entries_is_found(self, tmp_path):
        other = TERM.replace("term-nodule", "term-other").replace("title: 磨玻璃结节", "title: 别的")
        [first, second] = lint_content(content_folder(tmp_path, terms=TERM + other))
        assert {first.detail, second.detail} == {"GGN also in term-nodule", "毛玻璃结节 also in term-nodule"}

    def test_one_concept_in_two_guides_of_the_same_organs_is_found(self, tmp_path):
        other = FINDING.replace("guide-stone", "guide-other")
        problems = lint_content(content_folder(tmp_path, findings=FINDING + other))
        assert [(p.entry_id, p.rule) for p in problems] == [("guide-other", "duplicate surface")]

    def test_an_everyday_word_as_a_hard_term_is_found(self, tmp_path):
        problems = lint_content(content_folder(tmp_path, terms=TERM.replace("GGN", "肺")))
        assert [p.rule for p in problems] == ["everyday word as hard term"]

    def test_content_that_cannot_be_read_is_one_kind_of_problem(self, tmp_path):
        problems = lint_content(content_folder(tmp_path, terms="- {id: a}"))
        assert {problem.rule for problem in problems} == {"schema"}

    def test_good_content_has_none(self, tmp_path):
        assert lint_content(content_folder(tmp_path)) == []
