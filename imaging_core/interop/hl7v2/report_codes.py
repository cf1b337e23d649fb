"""How a hospital marks findings and impression in OBX: by code, or by headings in one text.

The defaults are LOINC codes, the OBX-3 suffixes of HL7, the data elements of the Chinese shared
document for examination reports, and headings seen in Chinese reports. A hospital's own codes are settings.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imaging_core.reports.types import ReportStatus

_FINDINGS = frozenset(
    {"FINDINGS", "FINDING", "GDT", "59776-5", "18782-3", "DE04.50.131.00", "RPT_DESCRIP"}
    | {"检查所见", "影像所见", "所见", "影像表现", "检查表现", "影像学表现", "检查描述", "影像描述", "客观所见"}
)
_IMPRESSION = frozenset(
    {"IMPRESSION", "IMP", "CONCLUSION", "19005-8", "DE04.50.132.00", "RPT_SEEING"}
    | {"诊断意见", "诊断", "印象", "影像诊断", "影像学诊断", "诊断印象", "检查结论", "结论", "诊断结论", "诊断结果"}
    | {"诊断提示", "检查提示", "主观提示", "放射学诊断", "超声提示", "超声所见提示"}
)
_CRITICAL = frozenset({"CRITICAL", "危急值", "危急值标志", "RPT_CRITICAL_VALUE"})

# HL7 tables 0123 (OBR-25) and 0085 (OBX-11), and what Chinese systems write.
_STATUSES: Mapping[str, ReportStatus] = {
    **dict.fromkeys(("F", "已审核", "审核"), ReportStatus.VERIFIED),
    **dict.fromkeys(("C", "已更正", "更正"), ReportStatus.AMENDED),
    **dict.fromkeys(("P", "R", "A", "I", "O", "S", "未审核", "初步"), ReportStatus.PRELIMINARY),
    **dict.fromkeys(("X", "W", "D", "作废", "撤回"), ReportStatus.WITHDRAWN),
}


@dataclass(frozen=True, slots=True)
class ReportCodes:
    """What marks what. Codes are compared in upper case with every part of OBX-3."""

    findings: frozenset[str] = _FINDINGS
    impression: frozenset[str] = _IMPRESSION
    critical: frozenset[str] = _CRITICAL
    statuses: Mapping[str, ReportStatus] = field(default_factory=lambda: _STATUSES)
    status_when_absent: ReportStatus | None = None
    """For systems that never fill OBR-25 nor OBX-11. None refuses such a report: it might be unverified."""
    reporting_physician_fields: tuple[int, ...] = (33, 32)
    """OBR fields in order of preference: assistant interpreter, principal interpreter."""
    verifying_physician_fields: tuple[int, ...] = (32,)


@dataclass(frozen=True, slots=True)
class ReportTexts:
    """The parts of one text. `before` stands ahead of the first heading."""

    before: str = ""
    findings: str = ""
    impression: str = ""


def split_by_headings(text: str, codes: ReportCodes) -> ReportTexts:
    """Split a text at its headings.

    >>> split_by_headings("检查所见：双肺清晰。诊断意见：未见异常。", ReportCodes())
    ReportTexts(before='', findings='双肺清晰。', impression='未见异常。')
    """
    marks = list(_headings(codes).finditer(text))
    if not marks:
        return ReportTexts(before=text.strip())
    parts: dict[str, list[str]] = {"findings": [], "impression": []}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        part = "findings" if mark["heading"].upper() in codes.findings else "impression"
        parts[part].append(text[mark.end() : end].strip())
    return ReportTexts(text[: marks[0].start()].strip(), joined(parts["findings"]), joined(parts["impression"]))


def without_heading(text: str, codes: ReportCodes) -> str:
    """Return a text without the heading it begins with, if it does."""
    mark = _headings(codes).match(text)
    return text if mark is None else text[mark.end() :].strip()


def joined(texts: Sequence[str]) -> str:
    """Join the parts of a text that came in several pieces."""
    return "\n".join(text for text in texts if text)


def _headings(codes: ReportCodes) -> re.Pattern[str]:
    words = sorted(codes.findings | codes.impression, key=len, reverse=True)
    alternatives = "|".join(re.escape(word) for word in words)
    # At the beginning of a line or sentence, so that 临床诊断： inside a sentence is no heading.
    return re.compile(
        rf"(?:^|(?<=[\n。；;]))[ \t\u3000]*[【\[]?(?P<heading>{alternatives})(?:[】\]][ \t]*[:：]?|[ \t]*[:：])",
        re.IGNORECASE | re.MULTILINE,
    )
