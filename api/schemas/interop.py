"""What a hospital's own systems send."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from api.schemas.patient import NO_NUL, Model
from imaging_core.patients.registration import EncounterClass

_Text = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL, strip_whitespace=True)]
_Clearable = Annotated[str, StringConstraints(max_length=32, pattern=NO_NUL, strip_whitespace=True)]


class RegistrationIn(Model):
    """One registration (挂号). What is left out stays as it is known; an empty text clears it."""

    patient_id: _Text = Field(repr=False)
    name: _Text = Field(repr=False)
    encounter_class: EncounterClass
    sex: Literal["M", "F", "O", ""] | None = Field(default=None, repr=False)
    birth_date: date | None = Field(default=None, repr=False)
    phone: _Clearable | None = Field(default=None, repr=False)
    id_number: _Clearable | None = Field(default=None, repr=False)
    visit_at: AwareDatetime | None = None
    """Now, when left out."""


class RegisteredOut(Model):
    """Whether the patient's number was known before."""

    outcome: Literal["registered", "updated"]
