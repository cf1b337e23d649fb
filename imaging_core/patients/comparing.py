"""How attributes of two records compare."""

from imaging_core.patients.matrix import Likeness

_TOLD_APART = {"M", "F"}


def compare_values(one: object, other: object) -> Likeness:
    """Return how two values compare; empty ones say nothing."""
    if not one or not other:
        return Likeness.UNKNOWN
    return Likeness.SAME if one == other else Likeness.DIFFERENT


def compare_sexes(one: str, other: str) -> Likeness:
    """Return how two sexes compare; O and whatever a modality invents say nothing.

    >>> compare_sexes("M", "O")
    <Likeness.UNKNOWN: 'unknown'>
    """
    if not {one, other} <= _TOLD_APART:
        return Likeness.UNKNOWN
    return compare_values(one, other)
