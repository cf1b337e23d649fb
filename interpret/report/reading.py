"""A report read once: terms, statements, guides and critical findings, for explaining, answering and checking."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from interpret.knowledge import Knowledge
from interpret.report.automaton import Match
from interpret.report.critical import CriticalFinding, CriticalThresholds, critical_findings, is_old_or_weak
from interpret.report.findings import Statement, read_findings
from interpret.report.guides import GuideIndex, GuideMatch
from interpret.report.prepare import Prepared, prepare
from interpret.report.scopes import negated_spans
from interpret.report.terms import Form, TermMarker
from interpret.types import ReportText, Section, Span, TermMark, Urgency


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything the rules read in one report."""

    report: ReportText
    prepared: Mapping[Section, Prepared]
    terms: tuple[TermMark, ...]
    statements: tuple[Statement, ...]
    guides: tuple[GuideMatch | None, ...]
    """One for each statement, in the same order."""
    critical: tuple[CriticalFinding, ...]
    marker: TermMarker
    """What marked the terms; the check marks sentences with it too."""


class ReportReader:
    """Reads reports with one version of the knowledge; safe to share between threads."""

    def __init__(self, knowledge: Knowledge, thresholds: CriticalThresholds | None = None) -> None:
        self.knowledge = knowledge
        self.version = knowledge.version
        self.marker = TermMarker(knowledge)
        self.guides = GuideIndex(knowledge)
        self._thresholds = thresholds or CriticalThresholds()

    def concept_words(self, text: str) -> list[str]:
        """Return the words of a prepared text that a finding guide explains."""
        return self.guides.words(text)

    def read(self, report: ReportText) -> Reading:
        """Return terms, statements, guides and critical findings of both sections."""
        prepared = {section: prepare(report.section(section)) for section in Section}
        terms: list[TermMark] = []
        statements: list[Statement] = []
        for section in Section:
            raw = report.section(section)
            marks = self.marker.mark(prepared[section].text)
            terms += _term_marks(prepared[section], section, raw, marks)
            statements += read_findings(prepared[section], section, raw, marks)
        return Reading(
            report=report,
            prepared=prepared,
            terms=tuple(terms),
            statements=tuple(statements),
            guides=tuple(self._guide(statement) for statement in statements),
            critical=tuple(critical_findings(statements, self._thresholds)),
            marker=self.marker,
        )

    def _guide(self, statement: Statement) -> GuideMatch | None:
        """Return the statement's guide; one that calls for an ambulance is not told of what is old or not excluded."""
        match = self.guides.choose(statement)
        if match is not None and match.guide.urgency == Urgency.IMMEDIATE and is_old_or_weak(statement):
            return None
        return match


def _term_marks(prepared: Prepared, section: Section, raw: str, marks: list[Match[Form]]) -> list[TermMark]:
    denied = bytearray(len(prepared.text))
    for first, last in negated_spans(prepared.text):
        denied[first:last] = b"\1" * (last - first)
    out = []
    for mark in marks:
        start, end = prepared.origin(mark.start, mark.end)
        negated = all(denied[mark.start : mark.end])
        out.append(TermMark(raw[start:end], Span(section, start, end), mark.value.entry_id, negated))
    return out


_KEPT_READERS = 4
_lock = Lock()
_readers: list[ReportReader] = []


def reader_for(knowledge: Knowledge) -> ReportReader:
    """Return the compiled reader of a knowledge base with the default thresholds, built once per version."""
    with _lock:
        for reader in _readers:
            if reader.knowledge is knowledge and reader.version == knowledge.version:
                return reader
        reader = ReportReader(knowledge)
        _readers.append(reader)
        del _readers[:-_KEPT_READERS]
        return reader
