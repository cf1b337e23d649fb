"""Reports other people wrote, read with the shipped knowledge: nothing abnormal lost, sides and sizes true, fast."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from interpret.consult.answer import answer
from interpret.guard.check import ReportGuard
from interpret.interpretation import interpret_report
from interpret.report.reading import reader_for
from interpret.types import AnswerFinished, AnswerSentence, HospitalInfo, ReportText, Side, Status
from knowledge_base import KnowledgeBase

pytestmark = pytest.mark.integration

_SECTIONS = re.compile(r"(?:检查所见|影像所见)：\n(.*?)\n(?:诊断意见|印象)：\n(.*?)\n报告医师", re.DOTALL)


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return KnowledgeBase.load()


@pytest.fixture(scope="module")
def reports(shared_data: Path) -> list[ReportText]:
    texts = [path.read_text("utf-8") for path in sorted((shared_data / "ocr").glob("*_rad.txt"))]
    found = [match for text in texts if (match := _SECTIONS.search(text))]
    assert len(found) >= 8
    return [ReportText(match.group(1), match.group(2)) for match in found]


class TestReportsOtherPeopleWrote:
    @pytest.mark.clause("R3.9")
    def test_keep_every_abnormal_finding_in_the_explanation(self, reports, knowledge):
        for report in reports:
            result = interpret_report(report, knowledge)
            told = {span for sentence in result.explanation for span in sentence.source_spans}
            assert all(f.span in told for f in result.findings if f.status is Status.ABNORMAL)
            assert all(s.source_spans or s.citations for s in result.explanation)

    def test_keep_their_sides_and_sizes_though_their_lines_are_wrapped(self, reports, knowledge):
        findings = [f for report in reports for f in interpret_report(report, knowledge).findings]
        nodule = next(f for f in findings if "磨玻璃结节" in f.text and "8mm" in f.text)
        assert (nodule.side, [m.value for m in nodule.measurements]) == (Side.RIGHT, [8.0, 6.0])
        kidney = {f.side for f in findings if "左肾" in f.text or "右肾" in f.text}
        assert {Side.LEFT, Side.RIGHT} <= kidney

    def test_are_read_in_less_than_the_time_allowed(self, reports, knowledge):
        interpret_report(reports[0], knowledge)
        started = time.process_time()
        for report in reports:
            interpret_report(report, knowledge)
        assert (time.process_time() - started) / len(reports) < 0.05

    def test_can_be_asked_about(self, reports, knowledge):
        for report in reports:
            for question in ("报告主要说了什么", "严重吗", "要复查吗"):
                events = list(
                    answer(report=report, question=question, knowledge=knowledge, hospital=HospitalInfo("示范县医院"))
                )
                assert isinstance(events[-1], AnswerFinished)
                assert any(isinstance(event, AnswerSentence) for event in events)


class TestMutationsOfReportsOtherPeopleWrote:
    """A report's own sentence passes; with a side, size, unit, lobe or denial changed it does not."""

    _CHANGES: ClassVar[dict[str, Callable[[str], str]]] = {
        "side": lambda text: text.translate(str.maketrans("左右", "右左")),
        "number": lambda text: re.sub(r"\d+(?=×|mm|cm)", lambda m: str(int(m.group()) + 3), text, count=1),
        "unit": lambda text: text.replace("mm", "cm"),
        "lobe": lambda text: text.replace("上叶", "中叶").replace("下叶", "上叶"),
        "denial": lambda text: re.sub(r"未见(?:明显|明确)?", "见", text),
    }

    @pytest.mark.parametrize("kind", list(_CHANGES))
    def test_are_blocked(self, reports, knowledge, kind):
        tried, passed = 0, []
        for report in reports:
            guard = ReportGuard(reader_for(knowledge).read(report))
            for finding in interpret_report(report, knowledge).findings:
                text = finding.text.replace("\n", "") + "。"
                assert guard.check(text).passed, text
                changed = self._CHANGES[kind](text)
                if changed == text or (kind == "side" and finding.side not in (Side.LEFT, Side.RIGHT)):
                    continue
                tried += 1
                passed += [changed] if guard.check(changed).passed else []
        assert tried > 0
        assert passed == []
