"""What interpretation takes and gives: report text in, marked terms, findings and sentences out.

Offsets count characters of the section's text; `text` is always that verbatim slice.
Values are those of the public `mingying eval` formats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Section(StrEnum):
    """Part of a report."""

    FINDINGS = "findings"
    """检查所见"""
    IMPRESSION = "impression"
    """诊断意见"""


@dataclass(frozen=True, slots=True)
class ReportText:
    """A report as text. No name, no number of a person ever stands here."""

    findings: str
    impression: str
    modality: str | None = None
    exam_item: str | None = None
    sex: str | None = None
    """"male", "female" or None."""
    age: int | None = None
    """Years."""

    def section(self, section: Section) -> str:
        """Return the text of one section."""
        return self.findings if section is Section.FINDINGS else self.impression


@dataclass(frozen=True, slots=True)
class Span:
    """A slice of one section of the report."""

    section: Section
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TermMark:
    """A hard term where it stands."""

    text: str
    span: Span
    entry_id: str | None
    negated: bool


class Status(StrEnum):
    """What a finding says of its structure."""

    ABNORMAL = "abnormal"
    NORMAL = "normal"
    UNCERTAIN = "uncertain"


class Side(StrEnum):
    """Side of the body."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    NONE = "none"
    MIDLINE = "midline"


class Urgency(IntEnum):
    """How soon something should be done."""

    IMMEDIATE = 1
    """立即（急诊/120）"""
    SOON = 2
    """尽快（数日内就诊）"""
    SCHEDULED = 3
    """择期（按报告时间复查）"""
    NONE = 4
    """无需特殊处理"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number and its unit as the report gives them."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one structure or group."""

    text: str
    span: Span
    status: Status
    side: Side
    measurements: Sequence[Measurement]
    uncertain: bool
    level: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainedSentence:
    """A plain sentence, the report spans it restates and the knowledge entries it rests on."""

    text: str
    source_spans: Sequence[Span]
    citations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Interpretation:
    """智能解读 of one report."""

    terms: Sequence[TermMark]
    findings: Sequence[Finding]
    critical: bool
    critical_reasons: Sequence[str]
    urgency: Urgency
    explanation: Sequence[ExplainedSentence]


class Triage(StrEnum):
    """How urgent the question itself is."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ROUTINE = "routine"
    SELF_CARE = "self_care"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of the same conversation."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Patient:
    """What an answer may take into account of the person who asks; nothing that names them."""

    sex: str | None = None
    """"male", "female" or None."""
    age: int | None = None
    """Years."""
    pregnant: bool | None = None


@dataclass(frozen=True, slots=True)
class HospitalInfo:
    """Who can answer when knowledge cannot."""

    name: str
    phone: str | None = None
    departments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """What one sentence of an answer rests on: a knowledge passage or a span of the report."""

    label: str
    """Short evidence key shown as [1], [2] …"""
    entry_id: str | None = None
    chunk_id: str | None = None
    title: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A checked sentence, sent only after its check passed."""

    text: str
    citations: Sequence[Citation]
    """Empty only for fixed wordings: refusals, "no knowledge", "not in the report"."""
    rephrased: bool = False
    """True when a model worded it (and the check let it pass)."""


@dataclass(frozen=True, slots=True)
class AnswerStarted:
    """First event of every answer."""

    model: str | None
    """None when the answer is composed without a model."""
    prompt_version: str | None
    knowledge_version: str


@dataclass(frozen=True, slots=True)
class AnswerStage:
    """Progress for the person who waits: "retrieving", "composing", "checking"."""

    stage: str


@dataclass(frozen=True, slots=True)
class EmergencyCard:
    """A red flag stood in the question: fixed words, nothing generated after it."""

    title: str
    text: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """Last event of every answer."""

    triage: Triage
    refused: bool
    reason: str | None
    """no_knowledge, out_of_scope, dose, emergency, … when refused or cut short."""
    suggestions: Sequence[str] = ()
    """Questions the knowledge can answer next."""


AnswerEvent = AnswerStarted | AnswerStage | EmergencyCard | AnswerSentence | AnswerFinished
"""Order: AnswerStarted, then stages, a card or sentences, then exactly one AnswerFinished."""
