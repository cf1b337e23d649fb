"""Until when a study is kept (保存期限), and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

import yaml

from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rule."""

    version: str
    in_force_from: date
    source: str
    years: Mapping[str, int]

    @property
    def longest(self) -> int:
        """What is not named is kept this long."""
        return max(self.years.values())


class Reason(StrEnum):
    """Why a study has its term."""

    NAMED = "named"
    """Its kind of visit is named by the policy."""
    NOT_NAMED = "not_named"
    """The policy says nothing of this kind of visit."""
    NO_PATIENT = "no_patient"
    """It belongs to nobody registered."""
    UNKNOWN = "unknown"
    """The registration names no kind of visit."""
    VISITED_SINCE = "visited_since"
    """Only the last visit's kind is known, and that visit was after the study."""


@dataclass(frozen=True, slots=True)
class Term:
    """Until when, counted from which day, and why."""

    keep_until: date
    counted_from: date
    years: int
    encounter_class: str
    """Empty where it is not known."""
    reason: Reason
    policy_version: str


@cache
def policies() -> tuple[Policy, ...]:
    """Return the versions shipped, oldest first."""
    rows = yaml.safe_load(files("imaging_core.retention").joinpath("policy.yaml").read_text("utf-8"))
    return tuple(sorted((Policy(**row) for row in rows), key=lambda policy: policy.in_force_from))


def term_of(study: StudyRow, patient: PatientRow | None, today: date) -> Term:
    """Return the term of a study by the policy in force; a later visit or discharge starts it anew."""
    policy = [one for one in policies() if one.in_force_from <= today][-1]
    examined = study.study_date or study.first_received_at.astimezone(CHINA).date()
    kind, reason = _kind(patient, examined, policy)
    years = policy.years[kind] if reason is Reason.NAMED else policy.longest
    start = max((examined, *_visits(patient)))
    return Term(_after(start, years), start, years, kind, reason, policy.version)


def _kind(patient: PatientRow | None, examined: date, policy: Policy) -> tuple[str, Reason]:
    if patient is None:
        return "", Reason.NO_PATIENT
    kind = patient.encounter_class or ""
    if not kind:
        return "", Reason.UNKNOWN
    if policy.years.get(kind) == policy.longest:
        return kind, Reason.NAMED
    if patient.last_visit_at and patient.last_visit_at.astimezone(CHINA).date() > examined:
        return "", Reason.VISITED_SINCE
    return (kind, Reason.NAMED) if kind in policy.years else (kind, Reason.NOT_NAMED)


def _visits(patient: PatientRow | None) -> list[date]:
    if patient is None:
        return []
    return [at.astimezone(CHINA).date() for at in (patient.last_visit_at, patient.discharged_at) if at is not None]


def _after(day: date, years: int) -> date:
    """Return the same day so many years later; 29 February lasts until 1 March.

    >>> _after(date(2024, 2, 29), 15)
    datetime.date(2039, 3, 1)
    """
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
