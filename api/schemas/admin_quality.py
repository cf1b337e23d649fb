"""What the quality page gets."""

from datetime import date

from api.schemas.patient import Model
from imaging_core.quality import Group, Side, Want


class IndicatorOut(Model):
    """One indicator: what it means, and what it came to."""

    key: str
    group: Group
    want: Want
    name: str
    definition: str
    numerator_words: str
    denominator_words: str
    numerator: int
    denominator: int
    ratio: float | None
    """None where there was nothing to count."""
    share: str
    """The ratio as people read it."""


class QualityOut(Model):
    """All indicators of a period of study dates; studies without a date are in none."""

    since: date | None
    until: date | None
    undated: int
    indicators: list[IndicatorOut]


class StudyBehindOut(Model):
    """A study behind a figure, by numbers."""

    study_instance_uid: str
    accession_number: str
    study_date: date
    modalities: list[str]
    body_parts: list[str]


class StudiesBehindOut(Model):
    """How many studies stand on one side of an indicator, and the newest of them."""

    key: str
    side: Side
    total: int
    studies: list[StudyBehindOut]
