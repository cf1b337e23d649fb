"""A report as it comes in and as it is read."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from imaging_core.domain.identifiers import InstitutionCode, PatientKey, ReportKey, StudyInstanceUid


class ReportStatus(StrEnum):
    """State of one version."""

    PRELIMINARY = "preliminary"
    """Never shown to patients."""
    VERIFIED = "verified"
    AMENDED = "amended"
    """Verified, and other than an earlier verified version (已更正)."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """One report as a hospital system sends it, addressed to a patient we know.

    `source_id` is what stays the same when the report is corrected (HL7: filler order number).
    The study is found by `study_instance_uid`, else by `accession_number`, else by `exam_id`.
    """

    institution_code: InstitutionCode
    patient: PatientKey
    source_id: str
    source_digest: str
    """SHA-256 of the message, hexadecimal."""
    status: ReportStatus
    study_instance_uid: StudyInstanceUid | None = None
    accession_number: str = ""
    exam_id: str = ""
    exam_code: str = ""
    exam_item: str = ""
    findings: str = field(default="", repr=False)
    impression: str = field(default="", repr=False)
    reporting_physician: str = ""
    verifying_physician: str = ""
    examined_at: datetime | None = None
    reported_at: datetime | None = None
    critical: bool | None = None
    """危急值 flag as sent; None when the sender says nothing."""


class FilingOutcome(StrEnum):
    """What filing a report came to."""

    NEW = "new"
    NEW_VERSION = "new_version"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """Kept, but issued before the version that is shown."""


@dataclass(frozen=True, slots=True)
class FiledReport:
    """Where a report went. `study_instance_uid` is None while its study is not here yet."""

    report_key: ReportKey
    version: int
    outcome: FilingOutcome
    study_instance_uid: StudyInstanceUid | None


@dataclass(frozen=True, slots=True)
class Report:
    """The version of a report that patients and doctors read."""

    report_key: ReportKey
    version: int
    status: ReportStatus
    study_instance_uid: StudyInstanceUid
    exam_code: str
    """The hospital's own code of the item."""
    exam_item: str
    findings: str = field(repr=False)
    impression: str = field(repr=False)
    reporting_physician: str
    verifying_physician: str
    examined_at: datetime | None
    reported_at: datetime | None
    critical: bool | None

    @property
    def amended(self) -> bool:
        """Return whether an earlier verified version was replaced."""
        return self.status is ReportStatus.AMENDED
