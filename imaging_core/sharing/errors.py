"""What can go wrong with links and grants.

SharingError
├── StudyWithoutPatient   no link for a study whose patient is unknown: nobody could prove to be that patient
├── LinkEnded             the link was revoked or expired between redeeming it and opening a grant
└── PasscodeUnsuitable    too short, too long, or among the first that anybody would try
"""

from imaging_core.errors import ImagingError


class SharingError(ImagingError):
    """Anything sharing refuses."""


class StudyWithoutPatient(SharingError):
    """The study has no patient of our index, so no visitor could be verified against it."""

    def __init__(self, study_instance_uid: str) -> None:
        super().__init__(f"study {study_instance_uid} has no patient")
        self.study_instance_uid = study_instance_uid


class LinkEnded(SharingError):
    """The link no longer opens anything."""

    def __init__(self, link_id: str) -> None:
        super().__init__(f"link {link_id} has ended")
        self.link_id = link_id


class PasscodeUnsuitable(SharingError):
    """A passcode that protects nothing; the message does not repeat it."""

    def __init__(self) -> None:
        super().__init__("the passcode is too short, too long or too easily guessed")
