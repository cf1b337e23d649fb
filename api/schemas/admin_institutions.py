"""What the page of institutions gets."""

from datetime import datetime

from api.institutions.retrievable import State
from api.schemas.patient import Model


class InstitutionOut(Model):
    """An institution of the list."""

    code: str
    name: str
    area: str
    state: State
    reason: str
    succeeded_at: datetime | None
    failed_at: datetime | None


class InstitutionList(Model):
    """How many are retrievable, and those asked for."""

    total: int
    counts: dict[State, int]
    ratio: float | None
    share: str
    wanted: float
    institutions: list[InstitutionOut]


class CellError(Model):
    """What is wrong in one cell."""

    row: int
    column: str
    reason: str


class InstitutionSheet(Model):
    """What a sheet holds and what is wrong with it."""

    total: int
    errors: list[CellError]
