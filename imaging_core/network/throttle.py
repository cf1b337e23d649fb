"""When the next study of a migration may be fetched: within some hours of the day, and so many an hour."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_LOOK_AGAIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day by the wall clock, from `first` up to `last`; 20 to 6 goes over midnight.

    >>> Hours(20, 6).contains(datetime(2026, 3, 1, 23, 0)), Hours(20, 6).contains(datetime(2026, 3, 1, 6, 0))
    (True, False)
    """

    first: int
    last: int

    def contains(self, now: datetime) -> bool:
        """Return whether a moment is among them; equal ends are the whole day."""
        if self.first == self.last:
            return True
        if self.first < self.last:
            return self.first <= now.hour < self.last
        return now.hour >= self.first or now.hour < self.last

    def seconds_until(self, now: datetime) -> float:
        """Return how long it is until they begin."""
        if self.contains(now):
            return 0.0
        begin = now.replace(hour=self.first % 24, minute=0, second=0, microsecond=0)
        return ((begin if begin > now else begin + timedelta(days=1)) - now).total_seconds()


class Throttle:
    """Lets studies pass one by one. `local_time` is the wall clock of the old PACS's users."""

    def __init__(
        self,
        hours: Hours | None = None,
        per_hour: int | None = None,
        *,
        local_time: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hours = hours
        self._gap = timedelta(hours=1) / per_hour if per_hour else timedelta(0)
        self._local_time = local_time
        self._sleep = sleep
        self._last: datetime | None = None

    def wait(self) -> None:
        """Return when the next study may be fetched."""
        while (seconds := self._seconds_left()) > 0:
            # a clock that is set, or a laptop that slept, is noticed within a minute
            self._sleep(min(seconds, _LOOK_AGAIN))
        self._last = self._local_time()

    def pause(self, seconds: float) -> None:
        """Wait for what is said to come back."""
        self._sleep(seconds)

    def _seconds_left(self) -> float:
        now = self._local_time()
        gap = 0.0
        if self._last is not None:
            self._last = min(self._last, now)  # the clock was set back
            gap = (self._last + self._gap - now).total_seconds()
        return max(gap, self._hours.seconds_until(now) if self._hours else 0.0)
