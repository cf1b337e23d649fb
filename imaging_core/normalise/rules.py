"""Device rules as administrators keep them: versions, what a new one would change, which studies it concerns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, false, func, select, true, update
from sqlalchemy.orm import Session

from imaging_core.normalise.devices import BodyPartFrom, Device, DeviceRule, Matcher
from imaging_core.normalise.errors import RuleChanged, RuleNotFound
from imaging_core.normalise.series import Facts, place
from imaging_core.normalise.tables import DeviceRow, DeviceRuleRow, NormalisedSeriesRow, NormalisedStudyRow

_TRIED: Final = 5000
"""So many series, the newest, are judged anew when a rule is tried."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule would make of one series."""

    study_instance_uid: str
    series_instance_uid: str
    modality: tuple[str, str]
    """Before and after."""
    body_part: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would do to what is there. `looked_at` of `matching` series were judged anew."""

    matching: int
    looked_at: int
    changes: tuple[Change, ...]


def active_rules(session: Session, institution_code: str) -> list[DeviceRule]:
    """Return the rules that hold."""
    return [rule_of(row) for row in newest_versions(session, institution_code) if row.active]


def newest_versions(session: Session, institution_code: str) -> Sequence[DeviceRuleRow]:
    """Return the last version of each rule, also of those that were switched off."""
    last = (
        select(DeviceRuleRow.rule_key, func.max(DeviceRuleRow.version).label("version"))
        .where(DeviceRuleRow.institution_code == institution_code)
        .group_by(DeviceRuleRow.rule_key)
        .subquery()
    )
    return session.scalars(
        select(DeviceRuleRow)
        .join(last, and_(DeviceRuleRow.rule_key == last.c.rule_key, DeviceRuleRow.version == last.c.version))
        .where(DeviceRuleRow.institution_code == institution_code)
        .order_by(DeviceRuleRow.name, DeviceRuleRow.id)
    ).all()


def versions(session: Session, institution_code: str, rule_key: str) -> Sequence[DeviceRuleRow]:
    """Return all versions of a rule, oldest first.

    Raises:
        RuleNotFound: There is none of this key.
    """
    mine = select(DeviceRuleRow).where(
        DeviceRuleRow.institution_code == institution_code, DeviceRuleRow.rule_key == rule_key
    )
    rows = session.scalars(mine.order_by(DeviceRuleRow.version).with_for_update()).all()
    if not rows:
        raise RuleNotFound(rule_key)
    return rows


def newest_change(session: Session, institution_code: str) -> int:
    """Return a number that grows with every change of a rule."""
    newest = select(func.max(DeviceRuleRow.id)).where(DeviceRuleRow.institution_code == institution_code)
    return session.scalar(newest) or 0


def save_rule(
    session: Session,
    institution_code: str,
    rule: DeviceRule,
    *,
    name: str,
    active: bool,
    seen: int,
    by: int,
    now: datetime,
) -> tuple[DeviceRuleRow, int]:
    """Add a version of a rule, a new rule when it has no key; return it and how many studies it concerns.

    Those studies are marked: they are to be normalised again.

    Raises:
        RuleNotFound: There is no rule of this key.
        RuleChanged: The last version is not the one that was `seen`.
    """
    before = versions(session, institution_code, rule.key) if rule.key else []
    if before and before[-1].version != seen:
        raise RuleChanged(before[-1].version)
    row = DeviceRuleRow(
        institution_code=institution_code,
        rule_key=rule.key or uuid4().hex,
        version=seen + 1 if before else 1,
        active=active,
        name=name,
        rule=_kept(rule),
        created_at=now,
        created_by=by,
    )
    session.add(row)
    session.flush()
    matchers = {rule.matcher, *(rule_of(before[-1]).matcher for _ in before[-1:])}
    return row, _mark(session, institution_code, matchers)


def try_rule(session: Session, institution_code: str, rule: DeviceRule) -> Trial:
    """Return what a rule would change in what is there; nothing is written."""
    rules = active_rules(session, institution_code)
    others = [one for one in rules if one.key != rule.key]
    meant = _meant(session, institution_code, [rule.matcher])
    matching = session.scalar(select(func.count()).select_from(NormalisedSeriesRow).where(meant)) or 0
    rows = session.execute(
        select(NormalisedStudyRow.study_instance_uid, NormalisedSeriesRow)
        .join(NormalisedSeriesRow, NormalisedSeriesRow.study_id == NormalisedStudyRow.id)
        .where(meant)
        .order_by(NormalisedSeriesRow.id.desc())
        .limit(_TRIED)
    ).all()
    after = [*others, replace(rule, order=max((one.order for one in rules), default=0) + 1)]
    changes = [change for study, row in rows for change in _changes(study, row, rules, after)]
    return Trial(matching, len(rows), tuple(changes))


def rule_of(row: DeviceRuleRow) -> DeviceRule:
    """Return a rule from its row."""
    told = row.rule
    content = {**told, "matcher": Matcher(**told["matcher"]), "body_part_from": BodyPartFrom(told["body_part_from"])}
    return DeviceRule(**content, key=row.rule_key, version=row.version, order=row.id)


def _kept(rule: DeviceRule) -> dict[str, Any]:
    return {
        "matcher": rule.matcher.given(),
        "when_modality": rule.when_modality,
        "when_body_part": rule.when_body_part,
        "modality": rule.modality,
        "body_part_from": rule.body_part_from.value,
        "body_part": rule.body_part,
    }


def _changes(
    study: str, row: NormalisedSeriesRow, before: Sequence[DeviceRule], after: Sequence[DeviceRule]
) -> Iterator[Change]:
    facts = Facts.from_json(row.facts)
    now, then = place(facts, before, ()), place(facts, after, ())
    modality = (now.modality.value.value, then.modality.value.value)
    body_part = (now.body_part.value.value, then.body_part.value.value)
    if modality[0] != modality[1] or body_part[0] != body_part[1]:
        yield Change(study, row.series_instance_uid, modality, body_part)


def _mark(session: Session, institution_code: str, matchers: set[Matcher]) -> int:
    series = select(NormalisedSeriesRow.study_id).where(_meant(session, institution_code, list(matchers)))
    marked = session.execute(
        update(NormalisedStudyRow)
        .where(NormalisedStudyRow.id.in_(series))
        .values(version=0, requested=NormalisedStudyRow.requested + 1)
        .returning(NormalisedStudyRow.id)
    )
    return len(marked.all())


def _meant(session: Session, institution_code: str, matchers: Sequence[Matcher]) -> ColumnElement[bool]:
    """Return a condition for the series of devices that a rule is for."""
    devices = session.scalars(select(DeviceRow).where(DeviceRow.institution_code == institution_code)).all()
    either: ColumnElement[bool] = false()
    for matcher in matchers:
        keys = [row.device_key for row in devices if replace(matcher, ae_title="").fits(device_of(row), "")]
        only_ae = not replace(matcher, ae_title="").given()
        of_device = true() if only_ae else NormalisedSeriesRow.device_key.in_(keys)
        of_ae = (
            func.lower(NormalisedSeriesRow.ae_title) == matcher.ae_title.strip().lower() if matcher.ae_title else true()
        )
        either = either | and_(of_device, of_ae)
    return and_(NormalisedSeriesRow.institution_code == institution_code, either)


def device_of(row: DeviceRow) -> Device:
    """Return a device from its row."""
    return Device(row.station_name, row.manufacturer, row.model_name, row.serial_number)
