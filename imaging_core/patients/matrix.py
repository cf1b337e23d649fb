"""When two records are one person: the conflict matrix (decisions/017-conflict-matrix.md).

A patient number alone never decides: something else must agree, and what contradicts must be outweighed.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final


class Likeness(StrEnum):
    """How one attribute of two records compares."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """One of the two does not say."""


class NameLikeness(StrEnum):
    """How two names compare."""

    SAME = "same"
    VARIANT = "variant"
    """The same in pinyin, one of the two in Latin letters."""
    DIFFERENT = "different"
    """Two names of one script that are not the same."""
    UNLIKE = "unlike"
    """Another script and no reading of it: an abbreviation, a dialect, a broken character set, or somebody else."""
    ABSENT = "absent"


class Issuer(StrEnum):
    """Whether the patient number was issued here."""

    OURS = "ours"
    """By this institution, or by nobody that is named."""
    OTHER = "other"


class Source(StrEnum):
    """Who speaks."""

    IMAGE = "image"
    """A header, typed or picked at a modality."""
    REGISTRATION = "registration"
    """The hospital's own register: it may rename its patients."""


class Verdict(StrEnum):
    """What becomes of the record."""

    LINKED = "linked"
    NEW = "new"
    NEW_MAYBE_KNOWN = "new_maybe_known"
    """A record of its own; a person is asked whether it is somebody who is known under another number."""
    QUARANTINED = "quarantined"
    """Nobody's until a person has decided."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One cell of the matrix."""

    source: Source
    same_number: bool
    """The hospital's patient number (PatientID)."""
    issuer: Issuer
    name: NameLikeness
    sex: Likeness
    birth_date: Likeness
    identity: Likeness
    """Resident ID number; a phone only where no ID number is known, and then only to agree: families share one."""


@dataclass(frozen=True, slots=True)
class _Rule:
    verdict: Verdict
    source: frozenset[Source] = frozenset(Source)
    same_number: frozenset[bool] = frozenset({True, False})
    issuer: frozenset[Issuer] = frozenset(Issuer)
    name: frozenset[NameLikeness] = frozenset(NameLikeness)
    sex: frozenset[Likeness] = frozenset(Likeness)
    birth_date: frozenset[Likeness] = frozenset(Likeness)
    identity: frozenset[Likeness] = frozenset(Likeness)

    def covers(self, evidence: Evidence) -> bool:
        return (
            evidence.source in self.source
            and evidence.same_number in self.same_number
            and evidence.issuer in self.issuer
            and evidence.name in self.name
            and evidence.sex in self.sex
            and evidence.birth_date in self.birth_date
            and evidence.identity in self.identity
        )


_SAME = frozenset({Likeness.SAME})
_DIFFERENT = frozenset({Likeness.DIFFERENT})
_UNKNOWN = frozenset({Likeness.UNKNOWN})
_NOT_DIFFERENT = _SAME | _UNKNOWN
_NOT_SAME = _DIFFERENT | _UNKNOWN
_OWN_NAME = frozenset({NameLikeness.SAME})
_IN_PINYIN = frozenset({NameLikeness.VARIANT})
_SAME_NAME = _OWN_NAME | _IN_PINYIN
_NO_NAME = frozenset({NameLikeness.ABSENT})
_UNLIKE = frozenset({NameLikeness.UNLIKE})
_YES, _NO = frozenset({True}), frozenset({False})
_FROM_IMAGE, _REGISTERED = frozenset({Source.IMAGE}), frozenset({Source.REGISTRATION})

_RULES: Final[tuple[_Rule, ...]] = (
    # another number: a record of its own, however alike; who looks like somebody known is shown to a person
    _Rule(Verdict.NEW, same_number=_NO, sex=_DIFFERENT, birth_date=_DIFFERENT),
    _Rule(Verdict.NEW_MAYBE_KNOWN, same_number=_NO, name=_SAME_NAME, identity=_SAME),
    _Rule(Verdict.NEW_MAYBE_KNOWN, same_number=_NO, name=_NO_NAME, birth_date=_SAME, identity=_SAME),
    _Rule(
        Verdict.NEW_MAYBE_KNOWN,
        same_number=_NO,
        name=_SAME_NAME,
        sex=_NOT_DIFFERENT,
        birth_date=_SAME,
        identity=_UNKNOWN,
    ),
    _Rule(Verdict.NEW, same_number=_NO),
    # our number, but issued elsewhere: numbers of two hospitals meet by chance
    _Rule(Verdict.QUARANTINED, issuer=frozenset({Issuer.OTHER})),
    # the register renames its own patients, and corrects an ID number under the same name; never both at once
    _Rule(Verdict.LINKED, source=_REGISTERED, identity=_NOT_DIFFERENT),
    _Rule(Verdict.LINKED, source=_REGISTERED, name=_OWN_NAME | _NO_NAME, identity=_DIFFERENT),
    _Rule(Verdict.QUARANTINED, source=_REGISTERED),
    # images: another ID number speaks against everything but name and birth date together
    _Rule(Verdict.LINKED, name=_OWN_NAME, sex=_NOT_DIFFERENT, birth_date=_SAME, identity=_DIFFERENT),
    _Rule(Verdict.QUARANTINED, identity=_DIFFERENT),
    # neither sex nor birth date agree: whoever it is, a person looks
    _Rule(Verdict.QUARANTINED, sex=_DIFFERENT, birth_date=_DIFFERENT),
    _Rule(Verdict.LINKED, name=_SAME_NAME | _NO_NAME, identity=_SAME),
    # renamed, or registered with a parent's ID number: then the birth date differs
    _Rule(Verdict.LINKED, sex=_NOT_DIFFERENT, birth_date=_SAME, identity=_SAME),
    _Rule(Verdict.QUARANTINED, identity=_SAME),
    # guessed birthdays and mistyped sexes pass under the same name
    _Rule(Verdict.LINKED, name=_OWN_NAME),
    _Rule(Verdict.LINKED, name=_IN_PINYIN, sex=_NOT_DIFFERENT, birth_date=_NOT_DIFFERENT),
    _Rule(Verdict.LINKED, name=_IN_PINYIN, sex=_SAME),
    _Rule(Verdict.LINKED, name=_IN_PINYIN, birth_date=_SAME),
    # nothing legible: the birth date must stand in for the name
    _Rule(Verdict.LINKED, name=_NO_NAME | _UNLIKE, sex=_NOT_DIFFERENT, birth_date=_SAME),
    # twins have one birth date and neighbouring numbers: another name of the same script is another person
    _Rule(Verdict.QUARANTINED),
)


def judge(evidence: Evidence) -> Verdict:
    """Return what becomes of a record, by the first rule that covers it."""
    return _MATRIX[evidence]


def cells() -> list[Evidence]:
    """Return every cell of the matrix."""
    return [
        Evidence(*values)
        for values in product(Source, (True, False), Issuer, NameLikeness, Likeness, Likeness, Likeness)
    ]


_MATRIX: Final = {cell: next(rule.verdict for rule in _RULES if rule.covers(cell)) for cell in cells()}
