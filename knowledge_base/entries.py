"""What the knowledge base holds: entries with their sources, and what a search returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EntryKind(StrEnum):
    """What an entry is for."""

    TERM = "term"
    """名词解释: explains a hard word."""
    FINDING = "finding_guide"
    """Says in plain words what a kind of finding means and what usually follows."""
    EDUCATION = "patient_education"
    """科普: answers a question about examinations, preparation, diet, habits, departments."""


class EntryState(StrEnum):
    """Where an entry stands in its review."""

    STARTER = "starter"
    """Shipped, not clinically reviewed."""
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Source:
    """A published source an entry rests on; ids come from `knowledge_base/content/sources.yaml`."""

    source_id: str
    title_zh: str
    organisation: str
    year: int | None
    version: str
    url: str


@dataclass(frozen=True, slots=True)
class Review:
    """Who answers for an entry, as patients are told."""

    reviewer: str
    reviewed_at: datetime


@dataclass(frozen=True, slots=True)
class FindingGuide:
    """How a finding of this kind is told to a patient.

    `concepts` are surface forms which, when a finding's text holds one, choose this guide
    (the longest match wins). `plain_name` replaces the concept in the restated sentence.
    `urgency` is the level of `commands.md` (1 immediately … 4 nothing needed) for the guide's
    usual case; rules over the text may raise it, never lower it.
    """

    concepts: tuple[str, ...]
    plain_name: str
    meaning: str
    next_step: str
    urgency: int
    organs: tuple[str, ...] = ()
    """When given, the guide applies only to findings that name (or inherit) one of these organs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One reviewed (or starter) piece of knowledge."""

    entry_id: str
    kind: EntryKind
    title: str
    plain: str
    """One or two sentences a reader with nine years of schooling understands."""
    body: str
    """Markdown; paragraphs are the passages that retrieval finds."""
    surfaces: tuple[str, ...]
    """Forms in which the term stands in reports (title included)."""
    sources: tuple[Source, ...]
    """Empty means "source pending", and is shown so."""
    state: EntryState
    version: int
    questions: tuple[str, ...] = ()
    """Ways in which patients ask for this."""
    guide: FindingGuide | None = None
    tags: tuple[str, ...] = ()
    review: Review | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of an entry, the unit of retrieval."""

    chunk_id: str
    entry_id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk and how well it fits. `signals` explains the score (bm25, cosine, title…)."""

    chunk: Chunk
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first. `known` is False when nothing found is good enough to answer from."""

    known: bool
    hits: Sequence[Hit]


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """A hit with what led to it, for editors."""

    hit: Hit
    names: tuple[str, ...]
    """Names of the entry that stand in the question."""
    shared: tuple[str, ...]
    """Pairs of characters that question and entry share, rarest first."""
    asked_exactly: bool
    """The question is one of those the entry lists."""
    keyword_rank: int | None
    """Place by keywords, from 1; None when nothing is shared."""
    vector_rank: int | None
    """Place by meaning, from 1; None where no vectors are used."""


@dataclass(frozen=True, slots=True)
class SearchExplanation:
    """A search and the decision whether to answer from it."""

    known: bool
    probability: float
    threshold: float
    hits: Sequence[ExplainedHit]


@dataclass(frozen=True, slots=True)
class LexiconForm:
    """A surface form of a hard term. `entry_id` is None while nobody has explained it."""

    surface: str
    category: str
    """anatomy, sign, disease, technique, …"""
    entry_id: str | None
