"""What can go wrong with reports.

ReportError
└── ReportOfAnotherPatient   the study named in the report belongs to someone else
"""

from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.errors import ImagingError


class ReportError(ImagingError):
    """Anything the report intake refuses."""


class ReportOfAnotherPatient(ReportError):
    """The report names a study by UID, but that study is another patient's. A person must look at it."""

    def __init__(self, study_instance_uid: StudyInstanceUid) -> None:
        super().__init__(f"study {study_instance_uid} belongs to another patient than the report")
        self.study_instance_uid = study_instance_uid
