"""智能解读: one report read and explained, with rules and reviewed knowledge only."""

from interpret.explain.compose import explain
from interpret.guard.check import ReportGuard
from interpret.guard.forbidden import forbidden
from interpret.knowledge import Knowledge
from interpret.report.reading import ReportReader, reader_for
from interpret.report.urgency import report_urgency
from interpret.types import Interpretation, ReportText


def interpret_report(report: ReportText, knowledge: Knowledge, *, reader: ReportReader | None = None) -> Interpretation:
    """Return terms, findings, critical reasons, urgency and the explanation of a report.

    Args:
        report: Text of a verified report, without anything that names a person.
        knowledge: Reviewed knowledge.
        reader: A reader with a hospital's own thresholds; by default the one of the shipped list.
    """
    reading = (reader or reader_for(knowledge)).read(report)
    guard = ReportGuard(reading)

    def plain_of(entry_id: str) -> str | None:
        entry = knowledge.entry(entry_id)
        # a note beside a finding explains a word; what it says of good or bad would be read as said of the finding
        return entry.plain if entry is not None and forbidden(entry.plain, texts) is None else None

    def holds(sentence: str) -> bool:
        return guard.check(sentence, plain_names).passed

    texts = [prepared.text for prepared in reading.prepared.values()]
    plain_names = [match.guide.plain_name for match in reading.guides if match is not None]
    return Interpretation(
        terms=reading.terms,
        findings=tuple(statement.finding for statement in reading.statements),
        critical=bool(reading.critical),
        critical_reasons=tuple(dict.fromkeys(finding.reason for finding in reading.critical)),
        urgency=report_urgency(reading.statements, reading.guides, reading.critical),
        explanation=tuple(explain(reading, plain_of, holds)),
    )
