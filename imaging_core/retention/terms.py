"""Until when a study is kept (保存期限), and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.retention.tables import VisitRow


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rule."""

    version: str
    in_force_from: date
    source: str
    years: Annotated[Mapping[str, Annotated[int, Field(ge=1, le=200)]], Field(min_length=1)]

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


class PolicyInvalid(ValueError):
    """A file of policies cannot be used; nothing is kept shorter because of it."""


@cache
def policies() -> tuple[Policy, ...]:
    """Return the versions shipped, oldest first."""
    return read_policies(files("imaging_core.retention").joinpath("policy.yaml").read_text("utf-8"))


def read_policies(text: str) -> tuple[Policy, ...]:
    """Return the versions in a file of the form of `policy.yaml`, oldest first.

    Raises:
        PolicyInvalid: with a sentence that names what is wrong.
    """
    try:
        found = TypeAdapter(list[Policy]).validate_python(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"the policies are no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PolicyInvalid(f"the policies are wrong at {where or 'the beginning'}: {first['msg']}") from error
    if not found or len({policy.version for policy in found}) != len(found):
        raise PolicyInvalid("there must be a policy, and each has a version of its own")
    return tuple(sorted(found, key=lambda policy: policy.in_force_from))


def policy_on(day: date, versions: Sequence[Policy]) -> Policy:
    """Return the policy in force on a day; before the first one begins, the first."""
    return [versions[0], *(one for one in versions if one.in_force_from <= day)][-1]


def term_of(
    study: StudyRow,
    patient: PatientRow | None,
    today: date,
    *,
    visits: Sequence[VisitRow] = (),
    versions: Sequence[Policy] = (),
) -> Term:
    """Return the term of a study by the policy in force; a later visit or discharge starts it anew.

    Without `visits` only the last visit of the patient is known, and what kind the earlier ones were is not.
    """
    policy = policy_on(today, versions or policies())
    examined = study.study_date or study.first_received_at.astimezone(CHINA).date()
    kind, reason = _kind(patient, examined, visits, policy)
    years = policy.years[kind] if reason is Reason.NAMED else policy.longest
    start = max((examined, *_days(patient), *(visit.day for visit in visits)))
    return Term(_after(start, years), start, years, kind, reason, policy.version)


def _kind(patient: PatientRow | None, examined: date, visits: Sequence[VisitRow], policy: Policy) -> tuple[str, Reason]:
    if patient is None:
        return "", Reason.NO_PATIENT
    kinds = _kinds_on(examined, visits)
    if kinds:
        kind = max(sorted(kinds), key=lambda kind: policy.years.get(kind, policy.longest + 1))
        if not kind:
            return "", Reason.UNKNOWN
        return kind, Reason.NAMED if kind in policy.years else Reason.NOT_NAMED
    kind = patient.encounter_class or ""
    if not kind:
        return "", Reason.UNKNOWN
    if policy.years.get(kind) == policy.longest:
        return kind, Reason.NAMED
    if patient.last_visit_at and patient.last_visit_at.astimezone(CHINA).date() > examined:
        return "", Reason.VISITED_SINCE
    return (kind, Reason.NAMED) if kind in policy.years else (kind, Reason.NOT_NAMED)


def _kinds_on(examined: date, visits: Sequence[VisitRow]) -> set[str]:
    """Return of which kinds the visit may have been to which an examination belongs; empty when none is known."""
    before = [visit for visit in visits if visit.day <= examined]
    begun = [visit for visit in before if not visit.discharge]
    kinds = {visit.encounter_class for visit in begun if visit.day == begun[-1].day}
    admissions = [visit.day for visit in begun if visit.encounter_class == "inpatient"]
    # in the ward a patient may be registered elsewhere too; on the day of discharge it belongs to the stay
    if admissions and not any(visit.discharge and admissions[-1] <= visit.day < examined for visit in before):
        kinds.add("inpatient")
    if any(visit.discharge and visit.day == examined for visit in before):
        kinds.add("inpatient")
    return kinds


def _days(patient: PatientRow | None) -> list[date]:
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
