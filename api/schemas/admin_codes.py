"""What the page of code mappings sends and gets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas.patient import NO_NUL, Model
from api.workflows.review_codes import State

Word = Annotated[str, StringConstraints(max_length=32)]
LocalCode = Annotated[str, StringConstraints(max_length=128, pattern=NO_NUL)]
LocalName = Annotated[str, StringConstraints(min_length=1, max_length=512, strip_whitespace=True, pattern=NO_NUL)]


class StandardItem(Model):
    """One part examined one way."""

    modality: Word
    body_part: Word
    side: Literal["", "左", "右", "双"] = ""
    methods: Annotated[tuple[Word, ...], Field(max_length=8)] = ()


class StandardItemOut(Model):
    """The same with its code; `score` where the parser suggests it."""

    modality: str
    body_part: str
    side: str
    methods: list[str]
    standard_code: str | None
    score: float | None = None


class LocalItemOut(Model):
    """An item of the hospital's own."""

    code: str
    name: str
    uses: int
    state: State
    version: int
    """Of what was decided, 0 for nothing yet; to be sent along with a decision."""
    suggested: list[StandardItemOut]
    score: float
    unknown: list[str]
    """Words of the name that are in no table."""
    proposed: list[StandardItemOut]
    """What an imported list says."""
    confirmed: list[StandardItemOut]
    decided_by: str | None
    decided_at: datetime | None


class CoverageOut(Model):
    """Shares with a confirmed mapping; None of nothing."""

    items: int
    items_covered: int
    uses: int
    uses_covered: int


class CodeList(Model):
    """Counts of each state, coverage, and the items asked for: most used first."""

    catalogue_version: str
    catalogue_is_demo: bool
    counts: dict[State, int]
    coverage: CoverageOut
    fitting: int
    items: list[LocalItemOut]


class PartOut(Model):
    """A body part of the catalogue."""

    name: str
    paired: bool


class CatalogueOut(Model):
    """What standard items are composed of."""

    version: str
    modalities: list[str]
    parts: list[PartOut]
    methods: list[str]


class Decision(Model):
    """What an item stands for."""

    code: LocalCode = ""
    name: LocalName
    seen: Annotated[int, Field(ge=0)]
    items: Annotated[list[StandardItem], Field(min_length=1, max_length=12)]
    unlike_name: bool = False
    """Said by the person: the name speaks of another part or device, and it is right nevertheless."""


class Reopening(Model):
    """Which confirmation is taken back."""

    code: LocalCode = ""
    name: LocalName
    seen: Annotated[int, Field(ge=1)]


class ImportedItem(Model):
    """One row of a sheet."""

    code: str
    name: str
    items: list[StandardItemOut]


class CellError(Model):
    """What is wrong in one cell."""

    row: int
    column: str
    reason: str


class CodeSheetCheck(Model):
    """What a sheet holds. The first rows are shown."""

    total: int
    rows: list[ImportedItem]
    errors: list[CellError]


class CodesImported(Model):
    """How many items were taken."""

    total: int
    new: int
