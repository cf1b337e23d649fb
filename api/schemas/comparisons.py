"""Two examinations side by side: what the plugin sends, and what the reading page gets."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from api.schemas.patient import FirstScreen, Model

Reference = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ComparisonIn(Model):
    """Which two examinations of the list."""

    references: Annotated[list[Reference], Field(min_length=2, max_length=2)]

    @field_validator("references")
    @classmethod
    def _two_different(cls, references: list[str]) -> list[str]:
        if len(set(references)) < len(references):
            raise ValueError("one examination cannot be compared with itself")
        return references


class ComparisonOut(Model):
    """Both studies of one patient, the earlier one named as such."""

    current: FirstScreen
    prior: FirstScreen
    in_order: bool
    """False: date and time do not tell which is the earlier, so neither may be called so."""
