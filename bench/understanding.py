"""`understanding`: marking hard terms, explaining a report, answering a question; no model, no network."""

from collections.abc import Sequence

from api.demo.hospital import load_hospital
from bench.errors import NeedMissing, check_peer
from bench.figures import median, milliseconds, percentile
from bench.goal import Goal
from bench.options import rounds
from interpret.consult.answer import answer
from interpret.interpretation import interpret_report
from interpret.report.reading import ReportReader, reader_for
from interpret.types import HospitalInfo, Patient, ReportText
from knowledge_base.base import KnowledgeBase
from knowledge_base.embed import BundledEmbedder
from knowledge_base.errors import ModelFilesMissing
from knowledge_base.evaluation import read_cases

_MARKING_MS = 50
_QUESTIONS = 40


def understanding(peer: str | None = None) -> dict[str, Goal]:
    """Measure on the demo hospital's reports and the shipped questions."""
    check_peer(peer)
    try:
        knowledge = KnowledgeBase.load(embedder=BundledEmbedder())
    except ModelFilesMissing:
        raise NeedMissing("the bundled embedder", "run `make demo` or `make test` once") from None
    reports = _reports()
    reader = reader_for(knowledge)
    _answer(knowledge, reports[0], "结节是什么意思")  # the first call loads dictionaries
    marking = [milliseconds(lambda r=report: reader.read(r)) for report in reports * rounds(10)]  # type: ignore[misc]
    explaining = _explaining(knowledge, reader, reports)
    answering = _answering(knowledge, reports[0])
    most = max(len(report.findings) + len(report.impression) for report in reports)
    return {
        "term_marking_p95_ms": Goal(
            percentile(marking, 0.95), "ms", goal=_MARKING_MS, note=f"whole reading of reports up to {most} characters"
        ),
        "report_p50_ms": Goal(median(explaining), "ms"),
        "report_p95_ms": Goal(percentile(explaining, 0.95), "ms"),
        "answer_p50_ms": Goal(median(answering), "ms", note=f"{len(answering)} questions, whole answers"),
        "answer_p95_ms": Goal(percentile(answering, 0.95), "ms"),
    }


def _reports() -> list[ReportText]:
    return [
        ReportText(findings=exam.report.findings, impression=exam.report.impression, exam_item=exam.exam_item)
        for _, exam in load_hospital().exams()
    ]


def _explaining(knowledge: KnowledgeBase, reader: ReportReader, reports: Sequence[ReportText]) -> list[float]:
    return [
        milliseconds(lambda r=report: interpret_report(r, knowledge, reader=reader))  # type: ignore[misc]
        for report in list(reports) * rounds(10)
    ]


def _answering(knowledge: KnowledgeBase, report: ReportText) -> list[float]:
    questions = [case.question for case in read_cases()][::5][:_QUESTIONS]
    return [milliseconds(lambda q=question: _answer(knowledge, report, q)) for question in questions]  # type: ignore[misc]


def _answer(knowledge: KnowledgeBase, report: ReportText, question: str) -> None:
    """Read an answer to its end, as the page does."""
    for _ in answer(
        report=report, question=question, patient=Patient(), knowledge=knowledge, hospital=HospitalInfo(name="演示医院")
    ):
        pass
