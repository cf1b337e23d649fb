"""Whatever comes in as a report or a question: no crash, true offsets, bounded time."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from interpret.consult.answer import answer
from interpret.interpretation import interpret_report
from interpret.report.prepare import prepare
from interpret.types import AnswerFinished, AnswerSentence, Finding, HospitalInfo, ReportText, TermMark, Turn
from tests.builders.knowledge import SmallKnowledge
from tests.builders.reports import CHEST_CT

KNOWLEDGE = SmallKnowledge()
HOSPITAL = HospitalInfo("示范县人民医院", "0550-0000000")

_PIECES = st.sampled_from(
    [
        "右肺",
        "左肺",
        "双肺",
        "上叶",
        "见",
        "未见",
        "结节",
        "磨玻璃结节",
        "，",
        "。",
        "、",
        "；",
        "\n",
        "（",
        "）",
        "(",
        ")",
        "1.",
        "2、",
        "8mm",
        "×",
        "6",
        "cm",
        "约",
        "L4/5",
        "椎间盘",
        "突出",
        "？",
        "考虑",
        "可能",
        "较前增大",
        "BI-RADS",
        "3类",
        "①",
        "．\u3000",
        "\t",
    ]
)
reports = st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=60).map("".join))


class TestReports:
    @given(reports, reports)
    @settings(max_examples=150, deadline=None)
    def test_offsets_are_true_for_any_text(self, findings, impression):
        report = ReportText(findings, impression)
        result = interpret_report(report, KNOWLEDGE)
        items: list[TermMark | Finding] = [*result.terms, *result.findings]
        for item in items:
            assert item.text == report.section(item.span.section)[item.span.start : item.span.end]
            assert item.text
        for sentence in result.explanation:
            for span in sentence.source_spans:
                assert 0 <= span.start < span.end <= len(report.section(span.section))

    @given(reports)
    @settings(max_examples=150, deadline=None)
    def test_normal_writing_maps_back_in_order(self, text):
        prepared = prepare(text)
        assert len(prepared.text) == len(prepared.starts) == len(prepared.ends)
        assert list(prepared.starts) == sorted(prepared.starts)

    def test_thirty_thousand_characters_take_less_than_a_second(self):
        text = (CHEST_CT.findings + "\n") * 330
        assert len(text) > 30_000
        interpret_report(CHEST_CT, KNOWLEDGE)
        started = time.process_time()
        interpret_report(ReportText(text[:30_000], ""), KNOWLEDGE)
        assert time.process_time() - started < 1


class TestQuestions:
    @given(st.text(max_size=200), st.lists(st.text(max_size=40), max_size=3))
    @settings(max_examples=60, deadline=None)
    def test_any_question_gets_exactly_one_end(self, question, before):
        history = [Turn(text, text) for text in before]
        events = list(
            answer(report=CHEST_CT, question=question, history=history, knowledge=KNOWLEDGE, hospital=HOSPITAL)
        )
        assert [isinstance(event, AnswerFinished) for event in events].count(True) == 1
        assert isinstance(events[-1], AnswerFinished)
        assert all(event.text for event in events if isinstance(event, AnswerSentence))

    def test_of_thirty_thousand_characters_is_answered_in_a_second(self):
        started = time.process_time()
        list(answer(report=CHEST_CT, question="结节严重吗" * 6000, knowledge=KNOWLEDGE, hospital=HOSPITAL))
        assert time.process_time() - started < 1
