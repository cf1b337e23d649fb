"""Critical findings (危急值) by rules: stated, new or not known to be old, on the hospital's list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from interpret.language import cues, table
from interpret.report.findings import Statement
from interpret.report.measure import comparable
from interpret.report.scopes import alternation, blank_out, negated_spans
from interpret.types import Side, Status, Urgency


@dataclass(frozen=True, slots=True)
class CriticalThresholds:
    """Limits of the default list; published lists differ, so a hospital confirms its own."""

    midline_shift_mm: float = 10.0
    pneumothorax_percent: float = 30.0
    small_bowel_mm: float = 30.0
    large_bowel_mm: float = 60.0
    pause_s: float = 3.0
    disabled_rules: frozenset[str] = frozenset()
    """Rule ids of `language/critical.toml` this hospital does not call critical."""


@dataclass(frozen=True, slots=True)
class CriticalFinding:
    """A statement that stands on the list."""

    rule_id: str
    reason: str
    urgency: Urgency
    statement: Statement


@dataclass(frozen=True, slots=True)
class _Rule:
    rule_id: str
    reason: str
    words: re.Pattern[str]
    excluded: re.Pattern[str] | None
    urgency: Urgency
    unit: str | None
    limit: str | None
    strictly: bool


@cache
def _rules() -> tuple[_Rule, ...]:
    limits = {f.name for f in fields(CriticalThresholds)}
    return tuple(_rule(raw, limits) for raw in table("critical")["rules"])


def _rule(raw: dict[str, Any], limits: set[str]) -> _Rule:
    measure = raw.get("measure", {})
    limit = measure.get("at_least") or measure.get("over")
    if limit is not None and limit not in limits:
        raise KeyError(f"critical rule {raw['id']} names no threshold of that name: {limit}")
    return _Rule(
        rule_id=raw["id"],
        reason=raw["reason"],
        words=re.compile("|".join(raw["words"])),
        excluded=re.compile("|".join(raw["not"])) if "not" in raw else None,
        urgency=Urgency(raw.get("urgency", 1)),
        unit=measure.get("unit"),
        limit=limit,
        strictly="over" in measure,
    )


_OTHER_SIDE = re.compile(r"既往|史|曾")
_RULED_OUT = re.compile(r"(?:建议|必要时|进一步|请)[^。；]{0,20}(?:除外|排除|明确)")


@cache
def _time() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    return (
        re.compile(alternation(cues("comparison_old"))),
        re.compile(alternation(cues("comparison_new"))),
        re.compile(alternation(cues("weak_uncertain"))),
    )


def critical_findings(statements: Sequence[Statement], thresholds: CriticalThresholds) -> list[CriticalFinding]:
    """Return what is critical, each rule once, in list order.

    Denied, merely not excluded (不除外, 待排) and known old findings (陈旧, 慢性, 较前吸收) are not; a known one
    that grew (较前增多) or is called acute is.
    """
    out: list[CriticalFinding] = []
    affirmed = [(s, _affirmed(s)) for s in statements if s.finding.status is not Status.NORMAL]
    for rule in _rules():
        if rule.rule_id in thresholds.disabled_rules:
            continue
        for statement, text in affirmed:
            if _applies(rule, statement, text, thresholds):
                out.append(CriticalFinding(rule.rule_id, rule.reason, rule.urgency, statement))
                break
    return _pneumothorax_both_sides(statements, out, thresholds)


def _affirmed(statement: Statement) -> str:
    text = statement.prepared
    return blank_out(text, negated_spans(text))


def _applies(rule: _Rule, statement: Statement, text: str, thresholds: CriticalThresholds) -> bool:
    for match in rule.words.finditer(text):
        around = text[max(0, match.start() - 10) : match.end() + 12]
        if rule.excluded is not None and rule.excluded.search(around):
            continue
        if _is_weak(text, match) or _is_old(text):
            continue
        if rule.limit is None or _reaches(rule, statement, getattr(thresholds, rule.limit)):
            return True
    return False


def _is_weak(text: str, match: re.Match[str]) -> bool:
    """Tell whether the thing is only not excluded, or something else is asked to exclude it."""
    after = text[match.end() : match.end() + 8]
    before = text[max(0, match.start() - 6) : match.start()]
    weak = _time()[2]
    return bool(weak.match(after.lstrip("(、，")) or re.search(r"(?:除外|排除|鉴别|风险|可能引起|警惕)$", before))


def _is_old(text: str) -> bool:
    old, new, _ = _time()
    if new.search(text.replace("亚急性晚期", "")):
        return False
    return bool(old.search(text) or _OTHER_SIDE.search(text))


def is_old_or_weak(statement: Statement) -> bool:
    """Tell whether a statement is known to be old (慢性, 陈旧, 较前吸收) or only not excluded (待排, 不除外)."""
    text = _affirmed(statement)
    return _is_old(text) or bool(_time()[2].search(text))


def _reaches(rule: _Rule, statement: Statement, limit: float) -> bool:
    values = [value for value, unit in map(comparable, statement.finding.measurements) if unit == rule.unit]
    return any(value > limit if rule.strictly else value >= limit for value in values)


def _pneumothorax_both_sides(
    statements: Sequence[Statement], found: list[CriticalFinding], thresholds: CriticalThresholds
) -> list[CriticalFinding]:
    """Add 双侧气胸 when left and right stand in separate statements."""
    rule_id = "bilateral_pneumothorax"
    if rule_id in thresholds.disabled_rules or any(f.rule_id == rule_id for f in found):
        return found
    affected = [
        s
        for s in statements
        if s.finding.status is Status.ABNORMAL and "气胸" in _affirmed(s) and not _is_old(_affirmed(s))
    ]
    if {Side.LEFT, Side.RIGHT} <= {s.finding.side for s in affected}:
        return [*found, CriticalFinding(rule_id, "双侧气胸", Urgency.IMMEDIATE, affected[0])]
    return found
