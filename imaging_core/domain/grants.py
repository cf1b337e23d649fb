"""A grant: who may see which studies, how, and until when."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from imaging_core.domain.identifiers import InstitutionCode, PatientKey, StudyInstanceUid


class Right(StrEnum):
    """What a grant allows besides seeing that the study exists."""

    REPORT = "report"
    JPG = "jpg"
    DICOM = "dicom"
    DOWNLOAD = "download"
    HISTORY = "history"
    """Other studies of the same patient."""
    INTERPRET = "interpret"
    """智能解读 and questions."""
    SHARE = "share"


SHOWN_TO_DOCTORS = frozenset({Right.REPORT, Right.JPG, Right.DICOM})
"""One study to look at: nothing of the patient's other studies, nothing to take away."""


class Holder(StrEnum):
    """Who holds a grant."""

    PATIENT = "patient"
    SHARE = "share"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to see the studies of one patient.

    `study` is the study the grant was opened for, `beside` one to compare it with; with `Right.HISTORY` the
    patient's other studies are visible too. `visible_studies(grant, now)` is the only way from a grant to a study.
    """

    grant_id: str
    institution_code: InstitutionCode
    patient: PatientKey
    study: StudyInstanceUid
    rights: AbstractSet[Right]
    holder: Holder
    expires_at: datetime
    beside: StudyInstanceUid | None = None
    """A second study of the same patient, shown next to the first."""

    def allows(self, right: Right) -> bool:
        """Return whether the grant carries this right."""
        return right in self.rights
