"""What the reporting doctor advises comes before what is usually done, and nothing usual contradicts it."""

import re
from collections.abc import Sequence

from interpret.report.findings import Statement
from interpret.report.reading import Reading

_CLAUSE = re.compile(r"[^。；]+[。；]?")
_DEPARTMENT = re.compile(r"科")
_URGENT = re.compile(r"120|急诊|马上|立刻|尽快")
_REPORT_IS_SILENT = re.compile(r"报告没写|没写时间")
_NOTHING_TO_DO = re.compile(r"不用(?:再|特殊|专门)?(?:处理|治)|不急|不用急")
_SENDS_ON = re.compile(r"科(?!学|普)|会诊|就诊|穿刺|活检|PET")
_NEXT_ITEM = re.compile(r"\s*[。；\n]+\s*(?:\d{1,2}[.、)]|[①-⑳])?\s*")


def advice_words(statement: Statement) -> str:
    """Return a statement's advice as the report words it, in one line, without the 建议 that introduces it."""
    assert statement.advice is not None  # noqa: S101 - callers choose statements that have one
    words = _NEXT_ITEM.sub("；", statement.advice.text.strip())
    return words.removeprefix("建议").lstrip("：") or words


def advised(reading: Reading, statements: Sequence[Statement]) -> str:
    """Return all advice the report gives on the organs of some statements, "" where it gives none."""
    subjects = {statement.subject for statement in statements}
    spans = {statement.finding.span for statement in statements}
    return "；".join(
        s.advice.text
        for s in reading.statements
        if s.advice is not None and (s.subject in subjects or s.finding.span in spans)
    )


def beside_advice(next_step: str, advice: str) -> str:
    """Return what a guide's next step adds to the report's own advice; warnings always stay.

    >>> beside_advice("按报告写的时间复查CT。报告没写时间的，请问呼吸内科。", "3个月后复查CT")
    '按报告写的时间复查CT。'
    >>> beside_advice("请在数日内看呼吸内科；气短明显要马上去急诊。", "建议胸外科就诊")
    '气短明显要马上去急诊。'
    """
    if not advice:
        return next_step
    kept = [clause for clause in _CLAUSE.findall(next_step) if not _against(clause, advice)]
    return f"{''.join(kept).rstrip('。；')}。" if kept else ""


def _against(clause: str, advice: str) -> bool:
    if _URGENT.search(clause):
        return False
    if _REPORT_IS_SILENT.search(clause) or _NOTHING_TO_DO.search(clause):
        return True
    return bool(_DEPARTMENT.search(clause) and _SENDS_ON.search(advice))
