"""What the page of retention terms gets."""

from datetime import date

from api.schemas.patient import Model


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


class TermList(Model):
    """The policy in force, and the studies asked for: newest first."""

    policy: str
    total: int
    studies: list[StudyTermOut]
