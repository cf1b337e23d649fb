"""The check every sentence passes before a patient sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from interpret.guard.alignment import misaligned, organs_agree
from interpret.guard.coverage import missing_findings
from interpret.guard.forbidden import forbidden
from interpret.guard.grounding import ungrounded
from interpret.guard.mentions import Claim, claims
from interpret.guard.quantities import Quantities, quantities
from interpret.knowledge import Knowledge
from interpret.report.anatomy import organs
from interpret.report.prepare import prepare
from interpret.report.reading import Reading, reader_for
from interpret.report.split import sentences
from interpret.report.status import is_uncertain
from interpret.types import ReportText, Section

Scope = Literal["sentence", "answer"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a sentence may be shown, and what is wrong with it otherwise."""

    passed: bool
    reason: str | None = None
    """dose, prescription, probability, prognosis, reassurance, diagnosis, number, level, grade, interval, count,
    new_finding, organ, lobe, side, negation, certainty, trend, severity, missing_finding."""
    detail: str | None = None


class ReportGuard:
    """The check against one report; reads it once."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._texts = [reading.prepared[section].text for section in Section]
        self._quantities: list[Quantities] = [quantities(text) for text in self._texts]
        self._claims: list[Claim] = _report_claims(reading)
        self._measured = _measured(reading)

    def check(self, sentence: str, evidence: Sequence[str] = (), scope: Scope = "sentence") -> Verdict:
        """Check one sentence, or with scope "answer" a whole answer.

        Args:
            sentence: Text as it would be shown.
            evidence: Knowledge passages it cites. A sentence that is part of one word for word is aligned with it.
            scope: "answer" also asks that every abnormal and critical finding is told.
        """
        text = prepare(sentence).text
        grounds = [prepare(passage).text for passage in evidence]
        quoted = any(text.rstrip("。") in ground for ground in grounds)
        if reason := forbidden(text, [*self._texts, *grounds]):
            return Verdict(False, reason)
        if not quoted:
            verdict = self._aligned(text, grounds)
            if not verdict.passed:
                return verdict
        if scope == "answer" and (missing := missing_findings(self._reading, text)):
            return Verdict(False, "missing_finding", missing[0].finding.text)
        return Verdict(True)

    def _aligned(self, text: str, grounds: list[str]) -> Verdict:
        known = [*self._quantities, *(quantities(ground) for ground in grounds)]
        if reason := ungrounded(quantities(text), known):
            return Verdict(False, reason)
        if self._misplaced_measure(text):
            return Verdict(False, "number")
        evidence = [claim for ground in grounds for claim in claims(ground)]
        mismatch = misaligned(claims(text, self._reading.marker), self._claims, evidence)
        if mismatch is not None:
            return Verdict(False, mismatch.kind, mismatch.word)
        return Verdict(True)

    def _misplaced_measure(self, text: str) -> bool:
        """Tell whether a sentence gives one organ the size the report gives another."""
        for sentence in sentences(text):
            content = sentence.of(text)
            named = frozenset(match.value.root for match in organs(content))
            for measure in quantities(content).measures if named else ():
                holders = [roots for roots, measures in self._measured if measure in measures]
                if holders and not any(not roots or organs_agree(named, roots) for roots in holders):
                    return True
        return False


def _measured(reading: Reading) -> list[tuple[frozenset[str], frozenset[tuple[float, str]]]]:
    """Return the organs and measures of each statement that has any."""
    out = []
    for statement in reading.statements:
        measures = quantities(statement.prepared).measures
        if measures:
            own = frozenset(match.value.root for match in organs(statement.prepared))
            out.append((own or frozenset({statement.subject} if statement.subject else ()), measures))
    return out


def _report_claims(reading: Reading) -> list[Claim]:
    """Return the report's claims, those of a statement with its whole place, level and certainty."""
    out: list[Claim] = []
    for statement in reading.statements:
        for claim in claims(statement.prepared, reading.marker):
            uncertain = claim.uncertain or (is_uncertain(claim.clause) and not claim.negated)
            organs = claim.organs or frozenset({statement.subject} if statement.subject else ())
            places = claim.places or frozenset({(statement.finding.side, None)})
            out.append(replace(claim, organs=organs, places=places, uncertain=uncertain))
    for section in Section:  # lines that are no findings (history, measures) still ground what is said of them
        rest = reading.prepared[section].text
        for statement in reading.statements:
            if statement.finding.span.section is section:
                rest = rest.replace(statement.prepared, "。", 1)
        out += claims(rest)
    return out


@lru_cache(maxsize=32)
def _guard_of(report: ReportText, reader: object) -> ReportGuard:
    return ReportGuard(reader.read(report))  # type: ignore[attr-defined]  # a ReportReader; kept opaque for the cache key


def check_sentence(
    report: ReportText,
    sentence: str,
    evidence: Sequence[str] = (),
    scope: Scope = "sentence",
    *,
    knowledge: Knowledge,
) -> Verdict:
    """Check one sentence (or answer) about a report: see `ReportGuard.check`."""
    return _guard_of(report, reader_for(knowledge)).check(sentence, evidence, scope)
