"""Every number, level, grade and interval of a sentence stands in the report or in its evidence."""

from interpret.guard.quantities import Quantities, grade_is_grounded


def ungrounded(said: Quantities, known: list[Quantities]) -> str | None:
    """Return which kind of quantity has no ground, or None.

    Args:
        said: What the sentence claims.
        known: What the report and each piece of evidence hold.
    """
    measures: frozenset[tuple[float, str]] = frozenset().union(*(q.measures for q in known))
    if said.measures - measures:
        return "number"
    if said.levels and not _levels_known(said.levels, frozenset().union(*(q.levels for q in known))):
        return "level"
    grades = frozenset().union(*(q.grades for q in known))
    if any(not grade_is_grounded(grade, grades) for grade in said.grades):
        return "grade"
    if said.months - frozenset().union(*(q.months for q in known)):
        return "interval"
    if said.fractions - frozenset().union(*(q.fractions for q in known)):
        return "probability"
    plain = frozenset().union(*(q.numbers for q in known))
    values = {f"{value:g}" for value, _ in measures}
    counted = {str(count) for q in known for count in q.counts}
    if said.numbers - plain - values - counted:
        return "number"
    known_counts = frozenset().union(*(q.counts for q in known))
    if {c for c in said.counts if c > 1} and known_counts and not {c for c in said.counts if c > 1} <= known_counts:
        return "count"
    return None


def _levels_known(said: frozenset[str], known: frozenset[str]) -> bool:
    """A single vertebra of a disc or of a range counts as known only when it is written; a disc must be the same."""
    for level in said:
        if level in known:
            continue
        if any(level in _within(other) for other in known):
            continue
        return False
    return True


def _within(level: str) -> set[str]:
    """Return the vertebrae between both ends of a range such as L3-L5."""
    first, dash, last = level.partition("-")
    if not dash or first[0] != last[0]:
        return set()
    return {f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)}
