"""What a HIS sends to wake the plugin, and what the plugin gets."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from api.schemas.patient import NO_NUL, Model
from api.schemas.staff import Login
from imaging_core.coding.kinds import ExamKind
from imaging_core.reminders.elsewhere import ElsewhereState

Reference = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{20,64}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL, strip_whitespace=True)]


class LaunchIn(Model):
    """Which doctor is to be woken, with which patient: by the hospital's number or by ID number, not both."""

    login: Login
    patient_id: _Text | None = None
    id_number: _Text | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if self.patient_id and self.id_number:
            raise ValueError("patient_id or id_number, not both")
        return self


class LaunchOut(Model):
    """Where to open the plugin, once and soon."""

    url: str
    expires_at: datetime
    patient_known: bool | None
    """None: no patient was named."""


class LaunchToken(Model):
    """The token out of a launch address."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=200)]


class WokenOut(Model):
    """Whose plugin is awake."""

    name: str
    patient_named: bool


class ExaminationOut(Model):
    """One examination; `reference` opens it."""

    reference: str
    item: str
    on: date
    institution: str
    elsewhere: bool
    held: bool
    """Two of these can be compared."""


class KindOut(Model):
    """Examinations of one kind, newest first."""

    kind: ExamKind
    label: str
    examinations: list[ExaminationOut]


class PriorOut(Model):
    """An earlier examination that a reminder named."""

    level: str
    institution: str
    item: str
    on: date


class ReminderOut(Model):
    """An ordered item that repeats something."""

    item: str
    level: str
    decided: bool
    checked_at: datetime
    priors: list[PriorOut]


class PatientOut(Model):
    """The patient before the doctor."""

    name: str
    badge: str
    elsewhere_count: int
    elsewhere: ElsewhereState
    elsewhere_as_of: datetime | None
    """When the list of other hospitals was true; None: now."""
    notice: str | None
    kinds: list[KindOut]
    reminders: list[ReminderOut]


class OpeningIn(Model):
    """Which examination was clicked."""

    reference: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class OpeningOut(Model):
    """Where it opens, once and soon."""

    url: str


class RecentPatientOut(Model):
    """A patient whom this doctor had before them."""

    reference: str
    name: str
    sex: str
    age: int | None
    seen_at: datetime


class RecentsOut(Model):
    """The latest first."""

    patients: list[RecentPatientOut]


class SearchIn(Model):
    """What was typed of a name."""

    text: _Text = Field(repr=False)


class FoundPatientOut(Model):
    """A patient whose name fits."""

    reference: str
    name: str
    sex: str
    age: int | None
    last_exam_on: date | None


class FoundOut(Model):
    """The best first; `more`: typing on tells them apart."""

    patients: list[FoundPatientOut]
    more: bool


class SwitchIn(Model):
    """Whom the doctor chose."""

    reference: Reference


class TodaysReminderOut(ReminderOut):
    """A reminder of today and whom it is about; without `patient` when nobody of that number is registered."""

    patient: str | None
    name: str | None


class TodaysRemindersOut(Model):
    """The latest first."""

    reminders: list[TodaysReminderOut]
