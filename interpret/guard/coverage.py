"""Does a whole answer tell every abnormal and critical finding."""

from collections.abc import Sequence

from interpret.guard.mentions import Claim, claims, related
from interpret.report.findings import Statement
from interpret.report.reading import Reading
from interpret.types import Status


def missing_findings(reading: Reading, answer: str) -> list[Statement]:
    """Return abnormal statements no part of a prepared answer tells (critical ones first).

    A statement is told when one of its affirmed concepts (or, without any, its organ or its own words) is.
    """
    told = claims(answer)
    critical = {finding.statement.finding.span for finding in reading.critical}
    missing = [
        statement
        for statement in reading.statements
        if statement.finding.status is Status.ABNORMAL and not _told(statement, told, answer)
    ]
    return sorted(missing, key=lambda statement: statement.finding.span not in critical)


def _told(statement: Statement, told: Sequence[Claim], answer: str) -> bool:
    if statement.prepared in answer:
        return True
    own = [claim for claim in claims(statement.prepared) if claim.concept is not None and not claim.negated]
    if own:
        return any(_tells(claim, other) for claim in own for other in told)
    named = {organ for claim in claims(statement.prepared) for organ in claim.organs} | {statement.subject}
    return any(other.organs & named for other in told)


def _tells(claim: Claim, other: Claim) -> bool:
    if other.concept is None or other.negated:
        return False
    if not (related(other.concept, str(claim.concept)) or related(str(claim.concept), other.concept)):
        return False
    if claim.organs and other.organs and not claim.organs & other.organs:
        return False
    return not (claim.sides and other.sides and not claim.sides & other.sides)
