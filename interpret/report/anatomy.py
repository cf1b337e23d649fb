"""Where in the body: organ roots, lobes, levels and the side a text names."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from interpret.language import pattern_of, table
from interpret.report.automaton import Match, WordAutomaton, longest
from interpret.types import Side


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ root and the surface form it was named by."""

    root: str
    surface: str


@cache
def _organs() -> WordAutomaton[Organ]:
    words = [
        (surface, Organ(root, surface)) for root, line in table("anatomy")["organs"].items() for surface in line.split()
    ]
    return WordAutomaton(words)


@cache
def _lobes() -> WordAutomaton[str]:
    return WordAutomaton((s, lobe) for lobe, line in table("anatomy")["lobes"].items() for s in line.split())


@lru_cache(maxsize=4096)  # reading, guides and the check ask about the same clauses
def organs(text: str) -> tuple[Match[Organ], ...]:
    """Return the organs named in a prepared text, longest match, in reading order."""
    blocked = [m.span() for m in pattern_of("report_anatomy", "not_organs").finditer(text)]
    found = [m for m in _organs().matches(text) if not any(a <= m.start and m.end <= b for a, b in blocked)]
    return tuple(longest(found))


def lobes(text: str) -> list[Match[str]]:
    """Return lobes, segments and regions in a prepared text."""
    return _lobes().longest(text)


# Words that hold 左 or 右 and say nothing about a side of the body.
_LEFT = re.compile(r"左")
_RIGHT = re.compile(r"右")
_MIDLINE = re.compile(r"中线(?!移位)|正中(?!神经)")


@lru_cache(maxsize=4096)
def side_of(text: str) -> Side:
    """Return the side a prepared text names.

    >>> side_of("左右主支气管通畅"), side_of("甲状腺右叶结节"), side_of("纵隔右移"), side_of("右肺下叶")
    (<Side.BOTH: 'both'>, <Side.NONE: 'none'>, <Side.NONE: 'none'>, <Side.RIGHT: 'right'>)
    """
    rest = pattern_of("report_anatomy", "no_side").sub(lambda m: "·" * len(m.group()), text)
    both = bool(pattern_of("report_anatomy", "both").search(rest))
    rest = pattern_of("report_anatomy", "both").sub("·", rest)
    left, right = bool(_LEFT.search(rest)), bool(_RIGHT.search(rest))
    if left and right:
        return Side.BOTH
    if left or right:
        return Side.LEFT if left else Side.RIGHT
    if both:
        return Side.BOTH
    return Side.MIDLINE if _MIDLINE.search(text) else Side.NONE
