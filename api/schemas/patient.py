"""What the phone page sends and gets. `docs/patient-api.md` says what a schema can't."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Model(BaseModel):
    """Base: unknown fields are refused in requests, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


# A NUL cannot be kept by PostgreSQL, and no keyboard writes one.
NO_NUL = r"^[^\x00]*$"
Digits = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$", strip_whitespace=True)]


class LinkToken(Model):
    """The token out of a QR code or link."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=200)]


class CertificateOut(Model):
    """A certificate of the operator."""

    name: str
    number: str


class CitizenEntryOut(Model):
    """A citizen platform by which patients come here verified."""

    title: str
    address: str


class Door(Model):
    """What may be known before verification: nothing about a patient."""

    hospital: str
    operator: str
    hospital_phone: str
    certificates: list[CertificateOut]
    entries: list[CitizenEntryOut]
    linked: bool
    verified: bool
    methods: list[str]
    ai_label: str
    demo: bool


class CodeWish(Model):
    """Asks for a code to the phone on record."""

    phone: Digits


class CodeSent(Model):
    """The same answer whether the phone is on record or not."""

    retry_after_seconds: int
    code_length: int


class PhoneProof(Model):
    """Proof by phone and code."""

    method: Literal["phone"]
    phone: Digits
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$", strip_whitespace=True)]


class IdNumberProof(Model):
    """Proof by resident ID number (or another registered document number)."""

    method: Literal["id_number"]
    id_number: Annotated[str, StringConstraints(min_length=5, max_length=30, strip_whitespace=True, pattern=NO_NUL)]


class PasscodeProof(Model):
    """The passcode of a share."""

    method: Literal["passcode"]
    passcode: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]


class OpenProof(Model):
    """Nothing: for a share without passcode."""

    method: Literal["open"]


Proof = Annotated[PhoneProof | IdNumberProof | PasscodeProof | OpenProof, Field(discriminator="method")]


class Verified(Model):
    """A grant was opened."""

    expires_at: datetime


class ConsentIn(Model):
    """Consent given or withdrawn."""

    purpose: Literal["view", "interpret", "ocr", "elsewhere"]
    version: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=NO_NUL)]
    given: bool


class ConsentOut(Model):
    """The newest statement for a purpose."""

    purpose: str
    version: str
    given: bool
    at: datetime


class StudyOut(Model):
    """A study in a list."""

    study_instance_uid: str
    study_date: date | None
    modalities: list[str]
    exam_item: str
    """As the report names it; empty without a report."""
    description: str
    body_part: str
    institution: str
    series_count: int
    instance_count: int
    has_report: bool
    has_preview: bool
    state: Literal["ready", "preparing", "partly"]


class PatientOut(Model):
    """The patient, after verification."""

    name: str
    sex: str
    age: int | None


class ReportOut(Model):
    """A verified report, newest version."""

    report_id: str
    status: Literal["verified", "amended"]
    exam_item: str
    findings: str
    impression: str
    reporting_physician: str
    verifying_physician: str
    reported_at: datetime | None
    amended: bool


class DocumentOut(Model):
    """An e-report as uploaded."""

    document_id: str
    title: str
    media_type: str
    bytes: int


class FirstScreen(Model):
    """All that the first screen needs, in one reply."""

    holder: Literal["patient", "share", "doctor"]
    patient: PatientOut
    study: StudyOut
    report: ReportOut | None
    documents: list[DocumentOut]
    series: list[dict[str, Any]]
    manifest_version: str | None
    rights: list[str]
    consents: list[ConsentOut]
    history_count: int


class KnowledgeSource(Model):
    """A published source."""

    source_id: str
    title_zh: str
    organisation: str
    year: int | None
    version: str


class KnowledgeOut(Model):
    """An entry of the knowledge base as patients see it."""

    entry_id: str
    kind: str
    title: str
    plain: str
    body_html: str
    state: str
    reviewer: str | None
    reviewed_at: datetime | None
    sources: list[KnowledgeSource]


class QuestionIn(Model):
    """A question; its length is checked by the route, in its own words."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, pattern=NO_NUL)]


class FeedbackIn(Model):
    """Was the answer helpful?"""

    helpful: bool
    comment: Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)] | None = None


class PaperStarted(Model):
    """An upload was taken."""

    paper_id: str


class PaperFields(Model):
    """What the patient confirmed beside the picture."""

    fields: dict[str, Annotated[str, StringConstraints(max_length=8000, pattern=NO_NUL)]]


class PaperConfirmed(Model):
    """The report that was made from paper."""

    report_id: str
