"""CDS Hooks 2.0 as HIS vendors send it: what we need of it is checked, everything else is let through."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.patient import NO_NUL
from imaging_core.reminders.reasons import LONGEST_COMMENT, RepeatReason

Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL, strip_whitespace=True)]


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class OrderContext(_Lenient):
    """The context of `order-select` and `order-sign`."""

    patient_id: Id = Field(alias="patientId")
    user_id: Annotated[str, StringConstraints(max_length=256, pattern=NO_NUL)] = Field(alias="userId", default="")
    encounter_id: Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)] | None = Field(
        alias="encounterId", default=None
    )
    selections: list[str] | None = None
    draft_orders: dict[str, Any] = Field(alias="draftOrders")


class HookCall(_Lenient):
    """A call of a service."""

    hook: str
    hook_instance: str = Field(alias="hookInstance")
    context: OrderContext
    prefetch: dict[str, Any] | None = None


class AcceptedSuggestion(_Lenient):
    """A suggestion that was taken."""

    id: str


class ReasonCoding(_Lenient):
    """One of the six reasons."""

    code: RepeatReason


class OverrideReason(_Lenient):
    """Why an examination is repeated all the same."""

    reason: ReasonCoding
    comment: Annotated[str, StringConstraints(max_length=LONGEST_COMMENT, pattern=NO_NUL, strip_whitespace=True)] = (
        Field(alias="userComment", default="")
    )


class CardFeedback(_Lenient):
    """What a doctor did with one card."""

    card: Id
    outcome: Literal["accepted", "overridden"]
    accepted_suggestions: list[AcceptedSuggestion] = Field(alias="acceptedSuggestions", default=[])
    override_reason: OverrideReason | None = Field(alias="overrideReason", default=None)


class Feedback(_Lenient):
    """What a doctor did with the cards of one call."""

    feedback: list[CardFeedback] = Field(min_length=1, max_length=100)
