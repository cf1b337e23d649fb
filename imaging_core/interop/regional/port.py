"""What we ask of a regional platform, in our own words. Adapters turn it into a province's messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from imaging_core.domain.identifiers import InstitutionCode, StudyInstanceUid


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a platform knows by ID number; it identifies nobody by name alone."""

    name: str = field(repr=False)
    id_number: str = field(repr=False)
    """Resident ID number (居民身份证号)."""


@dataclass(frozen=True, slots=True)
class Examination:
    """An examination that another institution registered."""

    examination_id: str
    """The other institution's own key of it."""
    institution_code: InstitutionCode
    institution_name: str
    modality: str
    item: str
    item_code: str
    examined_at: datetime
    has_images: bool
    has_report: bool


@dataclass(frozen=True, slots=True)
class History:
    """Examinations of a person elsewhere. One `view_record_id` ties count, view, decision and receipt together."""

    view_record_id: str
    examinations: Sequence[Examination]


@dataclass(frozen=True, slots=True)
class RetrievalAddress:
    """Where an examination of another institution can be opened: once, and soon."""

    view_record_id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a doctor decided of one item: take the result that is there (互认), or repeat, with a lawful reason."""

    recognized: bool
    reason: str = ""
    comment: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One item of an order; `code` is the hospital's own, stable one (院内项目编码)."""

    code: str
    name: str
    modality: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class DuplicateNotice:
    """How many examinations of the same items the platform knows, and where they can be seen."""

    view_record_id: str
    total: int
    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a registered study."""

    series_instance_uid: str
    modality: str
    body_part_examined: str
    image_count: int


@dataclass(frozen=True, slots=True)
class Registration:
    """A study as we register it. With `withdrawn` the platform shows it no more."""

    examination_id: str
    study_instance_uid: StudyInstanceUid
    person: Person
    sex: str
    birth_date: date | None
    local_patient_id: str
    modality: str
    item: str
    item_code: str
    accession_number: str
    encounter_class: str
    examined_at: datetime
    report_id: str
    report_version: int
    findings: str = field(repr=False)
    impression: str = field(repr=False)
    reporting_physician: str
    verifying_physician: str
    reported_at: datetime | None
    critical: bool | None
    series: Sequence[Series]
    standard_codes: Sequence[str] = ()
    """Of the items that the item was confirmed to stand for; empty while nobody has."""
    withdrawn: bool = False


class RegistrationOutcome(StrEnum):
    """What registering came to."""

    REGISTERED = "registered"
    ALREADY_REGISTERED = "already_registered"


class RegionalPlatform(Protocol):
    """A province's platform. Every method raises `PlatformUnreachable` or `PlatformRejected`, within a time limit."""

    def find_history(self, person: Person, *, view_record_id: str = "") -> History:
        """Return what other institutions registered for a person, newest first, under this record if one is named."""
        ...

    def retrieval_address(self, view_record_id: str, examination: Examination) -> RetrievalAddress:
        """Return where an examination found under this record opens."""
        ...

    def notify_order(self, person: Person, items: Sequence[OrderItem], *, view_record_id: str = "") -> DuplicateNotice:
        """Tell that these items are about to be ordered. Repeating it under the same record changes nothing."""
        ...

    def send_receipt(self, view_record_id: str, person: Person, items: Sequence[OrderItem]) -> None:
        """Tell that the order was saved, and what was decided; always sent, also when nothing was found.

        Repeating it changes nothing; the newest of a record counts.
        """
        ...

    def register(self, registration: Registration) -> RegistrationOutcome:
        """Make a study known, or known anew; the same content again changes nothing."""
        ...
