"""The duplicate rule: modality, part, side and methods of an order against each earlier examination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from imaging_core.coding import ExamItem, ParsedName, overlap
from imaging_core.coding.catalogue import default_methods
from imaging_core.coding.vocabulary import normalise, vocabulary
from imaging_core.patients.registration import EncounterClass

_COUNTING = frozenset({"final", "corrected"})
"""A result that a physician has signed; nothing else can be accepted instead of a new examination."""

_NAMED_BY_WORDS = frozenset({"LAB", "PATH"})
"""Without a body part only their words tell them apart: 血常规 is not 肝功能."""

_NO_PICTURES = frozenset({"ECG", "LAB", "PATH"})
"""Say nothing that a picture of the region would say: a reminder of an ECG before a chest CT only tires."""


class Level(IntEnum):
    """How strongly an order repeats an earlier examination."""

    NONE = 0
    RELATED = 1
    """相关: overlapping region, other side, other phase, or other modality of the region."""
    SAME = 2
    """相同: the same standard item."""


@dataclass(frozen=True, slots=True)
class PriorExam:
    """An examination that was made, or is to be."""

    hospital: str
    item: ParsedName
    on: date
    status: str
    """Of its report: final, corrected, preliminary, scheduled, cancelled, void, withdrawn."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a hospital has decided about repeating."""

    window_days: int
    """How long a result stays good; its last day belongs to it."""
    outside_window: Level = Level.RELATED
    """What is left of an older examination, at most."""
    include_own_hospital: bool = False
    per_modality: Mapping[str, int] = field(default_factory=dict)
    """Windows of ordered items of a modality that differ from `window_days`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The level of each earlier examination, in the order given."""

    levels: tuple[Level, ...]

    @property
    def level(self) -> Level:
        """The strongest."""
        return max(self.levels, default=Level.NONE)

    @property
    def which(self) -> tuple[int, ...]:
        """Return where the strongest stand; nothing when there is nothing to tell."""
        strongest = self.level
        return tuple(i for i, level in enumerate(self.levels) if level is strongest) if strongest else ()


def judge(order: ParsedName, *, hospital: str, today: date, history: Sequence[PriorExam], rule: Rule) -> Judgement:
    """Return how an order at `hospital` stands to what was examined before."""
    return Judgement(tuple(_judged(order, prior, hospital, today, rule) for prior in history))


def needs_reason(level: Level, encounter: EncounterClass) -> bool:
    """Return whether a pop-up asks for a reason: for the same item only, and never in an emergency."""
    return level is Level.SAME and encounter is not EncounterClass.EMERGENCY


def _judged(order: ParsedName, prior: PriorExam, hospital: str, today: date, rule: Rule) -> Level:
    is_own = prior.hospital == hospital
    if prior.status not in _COUNTING or prior.on > today or (is_own and not rule.include_own_hospital):
        return Level.NONE
    age = (today - prior.on).days
    if not order.items or not prior.item.items:
        # names that nobody can read are one examination only when they are one name
        level = Level.SAME if _one_name(order, prior.item) else Level.NONE
        return _in_time(level, age, rule.window_days, rule)
    return max(
        _in_time(_compared(ours, theirs, order, prior.item), age, _window(rule, ours), rule)
        for ours in order.items
        for theirs in prior.item.items
    )


def _window(rule: Rule, item: ExamItem) -> int:
    return rule.per_modality.get(item.modality, rule.window_days)


def _in_time(level: Level, age: int, window: int, rule: Rule) -> Level:
    return level if age <= window else min(level, rule.outside_window)


def _compared(one: ExamItem, other: ExamItem, its_name: ParsedName, other_name: ParsedName) -> Level:
    if not one.body_part or not other.body_part:
        return _without_part(one, other, its_name, other_name)
    if not overlap(one.body_part, other.body_part):
        return Level.NONE
    if one.modality != other.modality and not _NO_PICTURES.isdisjoint({one.modality, other.modality}):
        return Level.NONE
    is_same = (one.modality, one.body_part, one.side) == (other.modality, other.body_part, other.side)
    if is_same and _methods(one) == _methods(other) and (one.modality or _one_name(its_name, other_name)):
        return Level.SAME
    return Level.RELATED


def _without_part(one: ExamItem, other: ExamItem, its_name: ParsedName, other_name: ParsedName) -> Level:
    if (one.modality, one.body_part) != (other.modality, other.body_part):
        return Level.NONE
    if one.modality in _NAMED_BY_WORDS:
        return Level.SAME if _one_name(its_name, other_name) else Level.NONE
    return Level.SAME if _methods(one) == _methods(other) else Level.RELATED


def _one_name(one: ParsedName, other: ParsedName) -> bool:
    return bool(one.name.strip()) and normalise(one.name) == normalise(other.name)


def _methods(item: ExamItem) -> frozenset[str]:
    """Return how the item is examined; what is only computed from the images afterwards is no other examination."""
    known = vocabulary().methods
    given = [name for name in item.methods if not (name in known and known[name].post_processing)]
    return frozenset(given or default_methods(item.modality))
