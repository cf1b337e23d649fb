"""What the pages of the work list and of patients' records get and send."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.patient import Model
from imaging_core.patients.matrix import Likeness, NameLikeness, Verdict
from imaging_core.reports.scoring import Reason
from imaging_core.worklist.items import ItemKind, Remedy, Severity

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]
PatientNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=160)]
ReportNumber = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]


class CaseOut(Model):
    """One thing that waits for a person."""

    kind: ItemKind
    reason: str
    since: datetime
    subject: str
    state: str
    severity: Severity
    remedies: list[Remedy]
    patient_id: str
    accession_number: str
    modalities: list[str]
    study_date: date | None
    count: int


class CaseList(Model):
    """How many wait of each kind, and those asked for: longest first."""

    counts: dict[ItemKind, int]
    cases: list[CaseOut]


class PersonOut(Model):
    """Who a record is of. Phone and ID number are never shown."""

    patient_id: str
    name: str
    sex: str
    birth_date: date | None


class PatientCandidateOut(PersonOut):
    """One patient beside what waits: what agrees and what does not."""

    same_number: bool
    name_likeness: NameLikeness
    sex_likeness: Likeness
    birth_date_likeness: Likeness
    identity_likeness: Likeness
    """Of ID numbers, or of phones where no ID number is known."""
    verdict: Verdict
    expects: bool
    studies: int


class StudyCandidateOut(Model):
    """One study beside a report."""

    study_instance_uid: str
    accession_number: str
    modalities: list[str]
    study_date: date | None
    study_description: str
    score: int
    reasons: list[Reason]


class RevisionOut(Model):
    """One of the contents of a UID."""

    sop_instance_uid: str
    revision: int
    current: bool
    received_at: datetime
    received_from: str
    size: int
    digest: str
    rows: int
    columns: int
    frames: int
    transfer_syntax_uid: str
    series_instance_uid: str


class ReportOut(Model):
    """The report that waits, by what it says of itself."""

    exam_item: str
    examined_at: datetime | None
    accession_number: str
    exam_id: str


class CaseDetail(Model):
    """One item with what is needed to decide it."""

    case: CaseOut
    person: PersonOut | None = None
    """As the images name the patient."""
    report: ReportOut | None = None
    patients: list[PatientCandidateOut] = Field(default_factory=list)
    studies: list[StudyCandidateOut] = Field(default_factory=list)
    revisions: list[RevisionOut] = Field(default_factory=list)


class NewPatientIn(Model):
    """A patient who is not on record."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    patient_id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    sex: Annotated[str, StringConstraints(pattern="^[MFO]?$")] = ""
    birth_date: date | None = None


class DecisionIn(Model):
    """What is decided about an item, as it was shown."""

    kind: ItemKind
    subject: Subject
    state: Annotated[str, StringConstraints(max_length=64)]
    remedy: Remedy
    reason: Why
    patient_id: PatientNumber | None = None
    new_patient: NewPatientIn | None = None
    study_instance_uid: Uid | None = None


class MadeOut(Model):
    """The decision that was made."""

    decision: int


class UndoIn(Model):
    """Why a decision is taken back."""

    reason: Why


class DecisionOut(Model):
    """One decision of the past."""

    decision: int
    kind: str
    subject: str
    remedy: Remedy
    reason: str
    who: str
    at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None
    can_be_undone: bool
    patients: list[str]
    """Numbers of the patients it was about: from, to."""


class DecisionList(Model):
    """Decisions, newest first."""

    decisions: list[DecisionOut]


class RecordIn(Model):
    """Which patient's record is wanted."""

    patient_id: PatientNumber


class RecordStudyOut(Model):
    """One study of a record."""

    study_instance_uid: str
    accession_number: str
    modalities: list[str]
    study_date: date | None
    study_description: str
    patient_name: str
    """As the images say."""


class RecordOut(PersonOut):
    """A patient's record: what could be somebody else's."""

    merged: list[str]
    """Numbers of the records that were merged into this one."""
    studies: list[RecordStudyOut]
    laboratory_reports: list[str]


class MergeIn(Model):
    """Two records are one person."""

    into: PatientNumber
    merged: PatientNumber
    reason: Why


class MoveIn(Model):
    """Some of a patient's record is another's: of one on record, or of a new one."""

    patient_id: PatientNumber
    studies: list[Uid] = Field(default_factory=list, max_length=500)
    laboratory_reports: list[ReportNumber] = Field(default_factory=list, max_length=500)
    to_patient_id: PatientNumber | None = None
    new_patient: NewPatientIn | None = None
    reason: Why
