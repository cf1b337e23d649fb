"""What can go wrong with patients.

PatientError
├── PatientNotFound      no such patient at this institution
├── IdentityConflict     a known patient_id arrives with another person's name and ID number
├── DecisionError        what a person decided about patients cannot be done
│   ├── DecisionNotFound, AlreadyUndone
│   ├── DecidedLater         a later decision moved some of it again
│   ├── SamePatient          both records of a merge are one
│   ├── PatientMerged        the record was merged into another one
│   ├── PatientNumberTaken   a new patient would get the number of a known one
│   ├── NothingToMove        not what the patient has, or already where it shall go
│   └── HeldByBoth           both have what a patient can have only once
└── CipherError          a field cannot be opened
    ├── UnknownFieldKey  it was sealed with a key that was not handed in
    └── DamagedField     altered, cut, or taken from another row
"""

from collections.abc import Sequence

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.errors import ImagingError


class PatientError(ImagingError):
    """Anything the patient index refuses."""


class PatientNotFound(PatientError):
    """No such patient at this institution."""

    def __init__(self, institution_code: InstitutionCode) -> None:
        super().__init__(f"the patient is not registered at institution {institution_code}")
        self.institution_code = institution_code


class IdentityConflict(PatientError):
    """The same patient_id with both another name and another ID number: a person must look at it."""

    def __init__(self, institution_code: InstitutionCode) -> None:
        super().__init__(f"a patient_id of institution {institution_code} arrived with another identity")
        self.institution_code = institution_code


class DecisionError(PatientError):
    """What a person decided cannot be done."""


class DecisionNotFound(DecisionError):
    """There is no decision of this number at the institution."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(f"there is no decision {decision_id}")
        self.decision_id = decision_id


class AlreadyUndone(DecisionError):
    """The decision was undone before."""

    def __init__(self, decision_id: int) -> None:
        super().__init__(f"decision {decision_id} was undone before")
        self.decision_id = decision_id


class DecidedLater(DecisionError):
    """Later decisions moved some of it again; they must be undone first."""

    def __init__(self, decision_id: int, later: Sequence[int]) -> None:
        super().__init__(f"decision {decision_id} was followed by {list(later)}")
        self.decision_id = decision_id
        self.later = later


class SamePatient(DecisionError):
    """A record cannot be merged with itself."""

    def __init__(self) -> None:
        super().__init__("both are one record")


class PatientMerged(DecisionError):
    """The record was merged into another one; the other one is meant."""

    def __init__(self, patient: PatientKey) -> None:
        super().__init__(f"patient record {patient} was merged into another one")
        self.patient = patient


class PatientNumberTaken(DecisionError):
    """The number belongs to a known patient."""

    def __init__(self, institution_code: InstitutionCode) -> None:
        super().__init__(f"the patient_id is taken at institution {institution_code}")
        self.institution_code = institution_code


class NothingToMove(DecisionError):
    """What was named is not the patient's any more, or is already where it shall go."""

    def __init__(self) -> None:
        super().__init__("the patient does not have what shall be moved")


class HeldByBoth(DecisionError):
    """Both patients have what a patient can have only once, such as a report of one number."""

    def __init__(self, table: str) -> None:
        super().__init__(f"both patients hold the same in {table}")
        self.table = table


class CipherError(PatientError):
    """A sealed field cannot be opened."""


class UnknownFieldKey(CipherError):
    """The field was sealed with a key that was not handed in."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no field key named {key_id!r}")
        self.key_id = key_id


class DamagedField(CipherError):
    """The sealed field was altered or cut, or belongs to another row."""

    def __init__(self) -> None:
        super().__init__("a sealed field is damaged or belongs to another row")
