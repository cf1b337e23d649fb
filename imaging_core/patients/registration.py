"""What a hospital says about a patient when it registers one."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from imaging_core.domain.identifiers import InstitutionCode


class EncounterClass(StrEnum):
    """Kind of visit (就诊类型); decides how long images are kept."""

    OUTPATIENT = "outpatient"
    EMERGENCY = "emergency"
    INPATIENT = "inpatient"
    CHECKUP = "checkup"


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration or update. None keeps what is known, an empty text clears it.

    `repr` shows nothing a person could be recognised by.
    """

    institution_code: InstitutionCode
    patient_id: str = field(repr=False)
    name: str = field(repr=False)
    sex: str | None = field(default=None, repr=False)
    """M, F, O or empty."""
    birth_date: date | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    id_number: str | None = field(default=None, repr=False)
    encounter_class: EncounterClass | None = None
    visit_at: datetime | None = None
