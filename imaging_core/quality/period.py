"""From one day to another."""

from dataclasses import dataclass
from datetime import date

from imaging_core.errors import ImagingError


class PeriodReversed(ImagingError):
    """A period ends before it begins."""


@dataclass(frozen=True, slots=True)
class Period:
    """Study dates from the first to the last day, both included.

    Raises:
        PeriodReversed: the last day is before the first.
    """

    since: date = date.min
    until: date = date.max

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise PeriodReversed
