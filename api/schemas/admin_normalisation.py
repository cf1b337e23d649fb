"""Normalising as administrators see and steer it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.patient import NO_NUL, Model
from imaging_core.normalise.devices import BodyPartFrom, DeviceRule, Matcher

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=NO_NUL)]


class MatcherIn(Model):
    """Which devices a rule is for; what is empty matches any."""

    station_name: Words = ""
    ae_title: Words = ""
    manufacturer: Words = ""
    model_name: Words = ""
    serial_number: Words = ""


class RuleIn(Model):
    """A rule as it is to be."""

    matcher: MatcherIn
    when_modality: Words = ""
    when_body_part: Words = ""
    modality: Words = ""
    body_part_from: BodyPartFrom = BodyPartFrom.DEVICE
    body_part: Words = ""

    def rule(self, key: str = "") -> DeviceRule:
        """Return the rule."""
        told = self.model_dump() | {"matcher": Matcher(**self.matcher.model_dump()), "key": key}
        return DeviceRule(**told)


class TryRule(Model):
    """A rule to be tried; `rule_key` when it is to replace one."""

    rule: RuleIn
    rule_key: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")] = ""


class SaveRule(Model):
    """A rule to be kept. `seen`: the version that was before the administrator's eyes, 0 for a new rule."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=NO_NUL)]
    rule: RuleIn
    active: bool = True
    seen: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class RestoreRule(Model):
    """An older version is to hold again."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    seen: Annotated[int, Field(ge=1, le=2**31 - 1)]


class RuleVersion(Model):
    """One version of a rule."""

    version: int
    name: str
    active: bool
    rule: RuleIn
    created_at: datetime
    created_by: str
    """Name of the account."""


class RuleOut(Model):
    """A rule: the version that holds, and those before it, newest first."""

    rule_key: str
    current: RuleVersion
    earlier: list[RuleVersion]


class RuleSaved(Model):
    """What was kept; `studies` are normalised again now."""

    rule: RuleOut
    studies: int


class ChangeOut(Model):
    """What a rule would make of one series."""

    study_instance_uid: str
    series_instance_uid: str
    modality_before: str
    modality_after: str
    body_part_before: str
    body_part_after: str


class TrialOut(Model):
    """What a rule would do."""

    matching: int
    looked_at: int
    changing: int
    examples: list[ChangeOut]


class DeviceOut(Model):
    """A device as its images name it."""

    device_key: str
    station_name: str
    manufacturer: str
    model_name: str
    serial_number: str
    first_seen_at: datetime
    last_seen_at: datetime
    series: int
    with_findings: int


class FindingCountOut(Model):
    """A kind of finding."""

    code: str
    severity: str
    findings: int
    studies: int


class CharsetOut(Model):
    """How texts were read."""

    declared: str
    rule: str
    series: int


class Overview(Model):
    """How far normalising is, and what it found."""

    studies: int
    waiting: int
    findings: list[FindingCountOut]
    charsets: list[CharsetOut]
    devices: list[DeviceOut]
    rules: list[RuleOut]
    modalities: list[str]
    body_parts: list[str]
    """The standard vocabulary, for rules."""


class FindingOut(Model):
    """One finding. `raw` is empty in lists when it may be personal: the study shows it."""

    code: str
    severity: str
    field: str
    raw: str
    proposal: str
    series_instance_uid: str
    study_instance_uid: str
    since: datetime


class FindingList(Model):
    """Findings of one kind, the newest."""

    total: int
    findings: list[FindingOut]


class ValueOut(Model):
    """One attribute: received, normalised, and by which rule."""

    field: str
    raw: str
    value: str
    rule: str
    version: int


class SeriesOut(Model):
    """One series."""

    series_instance_uid: str
    device_key: str
    ae_title: str
    charset_declared: str
    charset_rule: str
    values: list[ValueOut]


class StudyOut(Model):
    """One study: raw → normalised → rule."""

    study_instance_uid: str
    normalised_at: datetime
    waiting: bool
    modalities: list[str]
    body_parts: list[str]
    values: list[ValueOut]
    series: list[SeriesOut]
    findings: list[FindingOut]
