"""A server that does not answer is left alone for a while: not every patient waits for the same timeout."""

import time
from collections.abc import Callable
from threading import Lock

_FAILURES = 3
_REST_SECONDS = 30.0


class Circuit:
    """Opens after some failures in a row; after a rest one call may try again, and its outcome decides."""

    def __init__(
        self,
        *,
        failures: int = _FAILURES,
        rest_seconds: float = _REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed, self._rest, self._clock = failures, rest_seconds, clock
        self._failed = 0
        self._next_try = 0.0
        self._lock = Lock()

    def lets_through(self) -> bool:
        """Tell whether a call may be made; of those after a rest only the first, until it succeeds."""
        with self._lock:
            if self._failed < self._allowed:
                return True
            if self._clock() < self._next_try:
                return False
            self._next_try = self._clock() + self._rest
            return True

    def record(self, *, answered: bool) -> None:
        """Count a call's outcome; a failure opens the circuit once there were enough in a row."""
        with self._lock:
            self._failed = 0 if answered else self._failed + 1
            if self._failed >= self._allowed:
                self._next_try = self._clock() + self._rest
