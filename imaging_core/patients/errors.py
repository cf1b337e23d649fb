"""What can go wrong with patients.

PatientError
├── PatientNotFound      no such patient at this institution
├── IdentityConflict     a known patient_id arrives with another person's name and ID number
└── CipherError          a field cannot be opened
    ├── UnknownFieldKey  it was sealed with a key that was not handed in
    └── DamagedField     altered, cut, or taken from another row
"""

from imaging_core.domain.identifiers import InstitutionCode
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
