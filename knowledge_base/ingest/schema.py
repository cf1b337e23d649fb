"""What an entry file must look like; pydantic, because this is where text comes in."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9.]+)*$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRecord(BaseModel):
    """One published source; further keys of the project's list are allowed and ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Slug
    title_zh: Text
    organisation: Text
    year: int | None = None
    version: str = ""
    url: str = ""


class GuideRecord(_Record):
    """How a finding is told to a patient; see `knowledge_base.entries.FindingGuide`."""

    concepts: Annotated[list[Text], Field(min_length=1)]
    plain_name: Text
    meaning: Text
    next_step: Text
    urgency: Annotated[int, Field(ge=1, le=4)]
    organs: list[Text] = []


class EntryRecord(_Record):
    """One entry as it stands in a file."""

    id: Slug
    title: Text
    plain: Text
    body: Text
    surfaces: list[Text] = []
    questions: list[Text] = []
    sources: list[Slug] = []
    tags: list[Text] = []
    state: Literal["starter", "reviewed"] = "starter"
    version: Annotated[int, Field(ge=1)] = 1
    guide: GuideRecord | None = None


class FactRecord(_Record):
    """A numeric fact, the sources it stands in and how sure that is (A read, B recalled, C doubtful)."""

    text: Text
    sources: Annotated[list[Slug], Field(min_length=1)]
    grade: Literal["A", "B", "C"]
