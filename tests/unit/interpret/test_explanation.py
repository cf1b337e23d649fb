"""What a patient reads: everything told, normal said to be normal, nothing without a source."""

import pytest

from interpret.interpretation import interpret_report
from interpret.types import ExplainedSentence, ReportText, Status
from tests.builders.knowledge import SmallKnowledge
from tests.builders.reports import ALL, BREAST_US, CHEST_CT, FOLLOW_UP_CT, HEAD_CT, LUMBAR_MR, NORMAL_DR

KNOWLEDGE = SmallKnowledge()


def explained(report: ReportText) -> list[ExplainedSentence]:
    return list(interpret_report(report, KNOWLEDGE).explanation)


def text(report: ReportText) -> str:
    return "".join(sentence.text for sentence in explained(report))


class TestEverySentence:
    @pytest.mark.clause("R3.9")
    @pytest.mark.parametrize("report", ALL)
    def test_names_its_place_in_the_report_or_its_entry(self, report):
        for sentence in explained(report):
            assert sentence.source_spans or sentence.citations

    @pytest.mark.parametrize("report", ALL)
    def test_cites_entries_that_exist(self, report):
        cited = {entry_id for sentence in explained(report) for entry_id in sentence.citations}
        assert all(KNOWLEDGE.entry(entry_id) is not None for entry_id in cited)


class TestCompleteness:
    @pytest.mark.parametrize("report", ALL)
    def test_no_abnormal_finding_is_left_out(self, report):
        result = interpret_report(report, KNOWLEDGE)
        told = {span for sentence in result.explanation for span in sentence.source_spans}
        assert all(f.span in told for f in result.findings if f.status is Status.ABNORMAL)

    def test_a_finding_without_a_guide_is_quoted_and_said_to_be_unexplained(self):
        shown = text(ReportText("脾脏增大，约7个肋单元。", ""))
        assert "脾脏增大，约7个肋单元" in shown
        assert "没有审核过的解释" in shown

    def test_an_empty_report_says_so(self):
        assert "没有读到" in text(ReportText("", ""))


class TestRestating:
    def test_keeps_side_lobe_and_size_in_plain_words(self):
        sentence = next(s.text for s in explained(CHEST_CT) if "像毛玻璃" in s.text)
        assert sentence == "右肺上叶尖段：像毛玻璃一样的小结节（报告里写作“磨玻璃结节”），大小约8mm×6mm。"

    def test_keeps_the_level_of_a_disc(self):
        sentences = [s.text for s in explained(LUMBAR_MR)]
        assert any(s.startswith("L5/S1：椎间盘向外鼓出") for s in sentences)

    def test_keeps_doubt(self):
        sentences = [s.text for s in explained(ReportText("", "右肺上叶结节，炎性可能。"))]
        assert any("可能是小结节" in s for s in sentences)

    def test_keeps_the_comparison(self):
        assert "较前增大" in text(FOLLOW_UP_CT)

    def test_keeps_old_and_new_size_apart_by_quoting(self):
        assert "现约9mm×7mm，原约6mm×5mm" in text(FOLLOW_UP_CT)

    def test_keeps_the_grade(self):
        assert "BI-RADS 3类" in text(BREAST_US)

    def test_gives_the_reports_own_interval(self):
        assert "报告的建议是：3个月后复查薄层CT。" in text(CHEST_CT)

    def test_tells_a_repeated_finding_once_with_both_places(self):
        told = [s for s in explained(CHEST_CT) if "像毛玻璃一样的小结节" in s.text]
        assert len(told) == 1
        assert {span.section.value for span in told[0].source_spans} == {"findings", "impression"}

    def test_tells_different_things_of_one_guide_each(self):
        shown = text(ReportText("左肺下叶见条索影。左肺下叶见钙化灶。", ""))
        assert "报告里写作“条索影”" in shown
        assert "报告里写作“钙化灶”" in shown


class TestNormal:
    def test_is_said_to_be_normal_in_everyday_words(self):
        assert "双侧胸腔没有看到积液" in text(CHEST_CT)

    def test_a_wholly_normal_report_begins_with_that(self):
        assert explained(NORMAL_DR)[0].text == "这份报告没有写到异常。"


class TestCritical:
    def test_comes_first_with_the_reports_words(self):
        first, second = explained(HEAD_CT)[:2]
        assert "急诊" in first.text
        assert "颅内出血" in first.text
        assert "脑出血" in second.text or "高密度影" in second.text

    def test_a_guide_that_calls_the_ambulance_is_not_told_of_an_old_finding(self):
        assert "去急诊" not in text(ReportText("", "右侧陈旧性气胸。"))
        assert "去急诊" in text(ReportText("", "右侧张力性气胸。"))
