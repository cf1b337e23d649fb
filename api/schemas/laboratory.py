"""A laboratory report as its page shows it: everything as the laboratory wrote it."""

from datetime import datetime

from api.schemas.patient import Model


class EarlierOut(Model):
    """What was measured of an item before."""

    observed_at: datetime
    value: str
    unit: str
    flag: str


class LineOut(Model):
    """One line; `flag_words` says what the mark means, `marked` whether it is one of anything but normal."""

    item: str
    value: str
    unit: str
    reference_range: str
    flag: str
    flag_words: str
    marked: bool
    earlier: list[EarlierOut]
    """The latest first."""


class ListedReportOut(Model):
    """A report of the same patient."""

    reference: str
    title: str
    observed_at: datetime
    institution: str


class LaboratoryReportOut(Model):
    """One report, and what else there is of this patient."""

    name: str
    sex: str
    age: int | None
    reference: str
    title: str
    report_number: str
    observed_at: datetime
    institution: str
    lines: list[LineOut]
    reports: list[ListedReportOut]
    """All of this patient, this one too, the latest first."""
