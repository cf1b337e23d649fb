"""What the page of waiting data gets."""

from datetime import date, datetime

from api.schemas.patient import Model
from api.workflows.waiting_cases import CaseKind


class CaseOut(Model):
    """One thing that waits for a person."""

    kind: CaseKind
    reason: str
    since: datetime
    subject: str
    patient_id: str
    accession_number: str
    modalities: list[str]
    study_date: date | None
    count: int


class CaseList(Model):
    """How many wait of each kind, and those asked for: longest first."""

    counts: dict[CaseKind, int]
    cases: list[CaseOut]
