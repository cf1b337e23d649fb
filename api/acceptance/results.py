"""Requirements, and what the tests say about each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

_REQUIREMENTS = Path(__file__).with_name("requirements.yaml")


class Verdict(StrEnum):
    """What may be said of a requirement."""

    PROVED = "已证明"
    PARTLY = "部分证明"
    FAILED = "未通过"
    NOT_YET = "尚未实现"
    DOCUMENT = "需要文件"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of the hospital's list; `proof` marks ▲ rows, which need screenshots or certificates."""

    requirement_id: str
    section: str
    text: str
    proof: bool
    document: str | None


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test that speaks for a requirement."""

    __test__ = False

    clauses: Sequence[str]
    name: str
    outcome: str
    """passed, failed or skipped"""
    seconds: float
    screenshots: Sequence[str]
    figures: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement with its verdict and tests."""

    requirement: Requirement
    verdict: Verdict
    tests: Sequence[TestOutcome]


def read_requirements() -> list[Requirement]:
    """Return all rows, in order."""
    rows = yaml.safe_load(_REQUIREMENTS.read_text(encoding="utf-8"))
    return [Requirement(row["id"], row["section"], row["text"], row["proof"], row.get("document")) for row in rows]


def read_outcomes(path: Path) -> list[TestOutcome]:
    """Return what the tests wrote, one JSON a line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [TestOutcome(**json.loads(line)) for line in lines]


def judge(requirements: Sequence[Requirement], outcomes: Sequence[TestOutcome]) -> list[Row]:
    """Give each requirement its verdict: one failing test fails it, a skipped one leaves it partly proved."""
    return [_row(requirement, outcomes) for requirement in requirements]


def _row(requirement: Requirement, outcomes: Sequence[TestOutcome]) -> Row:
    tests = [item for item in outcomes if requirement.requirement_id in item.clauses]
    states = {item.outcome for item in tests}
    if "failed" in states:
        verdict = Verdict.FAILED
    elif "passed" not in states:
        verdict = Verdict.DOCUMENT if requirement.document and not tests else Verdict.NOT_YET
    elif "skipped" in states or requirement.document:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.PROVED
    return Row(requirement, verdict, tests)
