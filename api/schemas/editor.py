"""What the editor's page sends and gets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas.patient import NO_NUL, KnowledgeSource, Model
from knowledge_base import EntryKind
from knowledge_base.editorial import EntryText

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=NO_NUL)]
Plain = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400, pattern=NO_NUL)]
Body = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000, pattern=NO_NUL)]
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400, pattern=NO_NUL)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Text(Model):
    """What an author writes."""

    title: Line
    plain: Plain
    body: Body
    surfaces: list[Line] = Field(default_factory=list, max_length=60)
    questions: list[Line] = Field(default_factory=list, max_length=60)
    source_ids: list[Line] = Field(default_factory=list, max_length=20)

    def entry_text(self) -> EntryText:
        """Return it as the knowledge base has it; what stands twice is kept once."""
        return EntryText(
            title=self.title,
            plain=self.plain,
            body=self.body,
            surfaces=tuple(word for word in dict.fromkeys(self.surfaces) if word != self.title),
            questions=tuple(dict.fromkeys(self.questions)),
            source_ids=tuple(dict.fromkeys(self.source_ids)),
        )


class DraftIn(Model):
    """A text, and what its author had before them: the version in force and the draft's revision (0: none)."""

    text: Text
    based_on: Number
    seen: Number


class NewEntry(Model):
    """The text of an entry there is none of yet."""

    text: Text


class Seen(Model):
    """The revision a step is taken on."""

    seen: Number


class Returned(Seen):
    """Why a draft goes back."""

    reason: Plain


class Restore(Model):
    """The version whose text shall be in force, and the one that is."""

    version: Number
    seen: Number


class PreviewIn(Model):
    """A text to look at."""

    entry_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    text: Text


class HitTest(Model):
    """A question to search for."""

    question: Question


class Word(Model):
    """One word of the queue."""

    word: Line


class PieceOut(Model):
    """A stretch that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


class ChangeOut(Model):
    """A changed field."""

    field: str
    pieces: list[PieceOut]


class ProblemOut(Model):
    """Something to look at again."""

    rule: str
    detail: str


class EntryLine(Model):
    """An entry in the list."""

    entry_id: str
    kind: EntryKind
    title: str
    plain: str
    state: str
    version: int
    reviewer: str | None
    reviewed_at: datetime | None
    draft_state: str | None
    draft_author: str | None


class EntryList(Model):
    """Entries found; `total` counts those that are not shown too."""

    total: int
    starter: int
    entries: list[EntryLine]


class DraftOut(Model):
    """A draft and how it differs from the version in force."""

    text: Text
    state: str
    revision: int
    based_on: int
    author: str
    mine: bool
    changed_at: datetime
    reason: str
    stale: bool
    changes: list[ChangeOut]
    unsafe: list[ProblemOut]
    warnings: list[ProblemOut]


class VersionOut(Model):
    """One version of an entry; without reviewer it is what shipped."""

    version: int
    author: str
    reviewer: str | None
    published_at: datetime | None
    restored_from: int | None
    mine: bool


class GuideOut(Model):
    """How a finding is told: shown, not edited here."""

    concepts: list[str]
    plain_name: str
    meaning: str
    next_step: str


class EntryDetail(Model):
    """All an editor sees of an entry."""

    entry_id: str
    kind: EntryKind
    state: str
    version: int
    text: Text | None
    guide: GuideOut | None
    draft: DraftOut | None
    versions: list[VersionOut]


class VersionDetail(Model):
    """A version and how it differs from the one in force."""

    version: int
    text: Text
    changes: list[ChangeOut]


class Preview(Model):
    """A text as patients would see it."""

    title: str
    plain: str
    body_html: str
    sources: list[KnowledgeSource]
    unsafe: list[ProblemOut]
    warnings: list[ProblemOut]


class HitOut(Model):
    """Something found, and why."""

    entry_id: str
    title: str
    text: str
    state: str
    told: bool
    score: float
    keyword: float
    keyword_rank: int | None
    vector: float | None
    vector_rank: int | None
    name: float
    names: list[str]
    shared: list[str]
    asked_exactly: bool


class HitTestOut(Model):
    """What a question finds. `known`: good enough to answer from."""

    known: bool
    probability: float
    threshold: float
    knowledge_version: str
    hits: list[HitOut]


class UnexplainedWord(Model):
    """A hard word without an entry."""

    word: str
    in_reports: int
    in_questions: int
    last_seen_at: datetime
