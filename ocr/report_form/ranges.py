"""Reference ranges as printed, and where a result lies."""

import re
from dataclasses import dataclass

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_BETWEEN = re.compile(rf"^\(?\[?\s*({_NUMBER})\s*(?:-{{1,2}}|~|～|—|–|－|至)\s*({_NUMBER})\s*\)?\]?")
_BELOW = re.compile(rf"^(?:<|≤|＜|⩽|<=|小于|低于)\s*=?\s*({_NUMBER})")
_ABOVE = re.compile(rf"^(?:>|≥|＞|⩾|>=|大于|高于)\s*=?\s*({_NUMBER})")
_RESULT = re.compile(rf"^[<>≤≥＜＞]?\s*({_NUMBER})$")


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest usual value; None where it is open."""

    low: float | None
    high: float | None

    def flag_for(self, value: float) -> str:
        """Return "↑", "↓" or ""."""
        if self.high is not None and value > self.high:
            return "↑"
        if self.low is not None and value < self.low:
            return "↓"
        return ""


def parse_range(text: str) -> Range | None:
    """Read a printed range.

    >>> parse_range("3.50-9.50"), parse_range("<5.0"), parse_range("阴性")
    (Range(low=3.5, high=9.5), Range(low=None, high=5.0), None)
    """
    text = text.strip()
    if match := _BETWEEN.match(text):
        low, high = float(match[1]), float(match[2])
        return Range(low, high) if low <= high else None
    if match := _BELOW.match(text):
        return Range(None, float(match[1]))
    if match := _ABOVE.match(text):
        return Range(float(match[1]), None)
    return None


def parse_result(text: str) -> float | None:
    """Return the number of a numeric result, None for anything else."""
    match = _RESULT.match(text.strip())
    return float(match[1]) if match else None
