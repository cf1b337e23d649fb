"""What the page of retention sends and gets."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.patient import NO_NUL, Model

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=NO_NUL)]
Named = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=NO_NUL)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class StudyTermOut(Model):
    """A study, until when it is kept, and why in words."""

    study_instance_uid: str
    accession_number: str
    study_date: date | None
    modalities: list[str]
    keep_until: date
    counted_from: date
    years: int
    why: str
    policy_version: str
    held: bool
    came_again: bool
    """It was disposed of once, and arrived anew."""


class PolicyOut(Model):
    """One version of the rule."""

    version: str
    in_force_from: date
    source: str
    years: dict[str, int]


class TermList(Model):
    """The policy in force, all versions, and the studies asked for: newest first."""

    policy: str
    policies: list[PolicyOut]
    total: int
    studies: list[StudyTermOut]


class NewHold(Model):
    """A hold on a study (accession number or UID) or on a patient (the hospital's number)."""

    study: Named = ""
    patient_id: Named = ""
    reason: Reason


class Release(Model):
    """Why a hold is released, a plan refused."""

    reason: Reason


class HoldOut(Model):
    """A hold in force."""

    hold_key: str
    study_instance_uid: str | None
    patient_id: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    mine: bool


class Approval(Model):
    """What exactly is approved: the digest of the lines as they were shown."""

    content_digest: Digest


class PlanOut(Model):
    """A plan and how far it is."""

    plan_key: str
    state: str
    as_of: date
    policy_version: str
    content_digest: str
    studies: int
    instances: int
    size: int
    made_by: str
    made_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_reason: str
    finished_at: datetime | None
    disposed: int
    dropped: int
    bytes_left: int
    """Blobs of disposed studies that the store still has to give up."""
    mine: bool


class PlanLineOut(Model):
    """A study of a plan, why its term is over, and what became of it."""

    study_instance_uid: str
    accession_number: str
    study_date: date | None
    keep_until: date
    counted_from: date
    years: int
    why: str
    policy_version: str
    instances: int
    instances_digest: str
    state: str
    dropped_because: str
    settled_at: datetime | None


class PlanDetail(Model):
    """A plan with a page of its lines."""

    plan: PlanOut
    lines: list[PlanLineOut]
    offset: Annotated[int, Field(ge=0)]
