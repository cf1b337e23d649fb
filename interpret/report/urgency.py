"""How soon a report's content should be acted on."""

import re
from collections.abc import Sequence

from interpret.language import pattern_of
from interpret.report.critical import CriticalFinding
from interpret.report.findings import Statement
from interpret.report.guides import GuideMatch
from interpret.report.scopes import blank_out, negated_spans
from interpret.types import Status, Urgency

_OLD = re.compile(r"陈旧|慢性|术后|既往|机化|恢复期|后遗|良性")


"""Serious also when it is slow (慢性硬膜下血肿)."""
_DONE = re.compile(r"陈旧|术后|既往|切除|良性")


def urgency_of(statement: Statement, guide: GuideMatch | None) -> Urgency:
    """Return the urgency of one statement: the guide's usual case, raised by the text, never lowered."""
    if statement.finding.status is Status.NORMAL:
        return Urgency.NONE
    usual = Urgency(guide.guide.urgency) if guide is not None else Urgency.SCHEDULED
    text = blank_out(statement.prepared, negated_spans(statement.prepared))
    if (pattern_of("report_urgency", "serious").search(text) and not _OLD.search(text)) or (
        pattern_of("report_urgency", "serious_long").search(text) and not _DONE.search(text)
    ):
        usual = min(usual, Urgency.SOON)
    if pattern_of("report_urgency", "grown").search(text):
        usual = min(usual, Urgency.SOON)
    if statement.advice is not None:
        if pattern_of("report_urgency", "soon_advice").search(statement.advice.text):
            usual = min(usual, Urgency.SOON)
        elif pattern_of("report_urgency", "later_advice").search(statement.advice.text):
            usual = min(usual, Urgency.SCHEDULED)
    # only a rule of the critical list calls for immediate help: a guide's word alone may be an old pneumothorax
    return max(usual, Urgency.SOON) if _OLD.search(text) else usual


def speaks_of_malignancy(statement: Statement) -> bool:
    """Tell whether a statement affirms or suspects a malignant tumour; nothing calming is said anywhere beside it."""
    text = blank_out(statement.prepared, negated_spans(statement.prepared))
    return bool(pattern_of("report_urgency", "malignant").search(text)) and not _DONE.search(text)


def report_urgency(
    statements: Sequence[Statement], guides: Sequence[GuideMatch | None], critical: Sequence[CriticalFinding]
) -> Urgency:
    """Return the most urgent level of a report."""
    levels = [urgency_of(s, g) for s, g in zip(statements, guides, strict=True)]
    return min([*(finding.urgency for finding in critical), *levels], default=Urgency.NONE)
