"""Recording what machines retrieve: one event for a caller, a study and a kind of retrieval within some minutes.

An event is written before the first byte is sent. A viewer that takes a thousand frames of a study is one retrieval,
and so are thousand instances taken one by one; a whole series or study is one of its own each time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api.audit.record import Actor, record
from api.clock import Clock
from api.db.engine import Database

WINDOW_SECONDS: Final = 300.0
_MOST: Final = 20_000
_Key = tuple[str, str, str, str]


class RetrievalNotes:
    """Writes the events. Threads may share it."""

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._noted: OrderedDict[_Key, float] = OrderedDict()
        self._lock = threading.Lock()

    def noted(self, actor: Actor, study: str, what: str) -> bool:
        """Return whether this was recorded within the window; asks no database."""
        until = self._noted.get(_key(actor, study, what))
        return until is not None and until > self._monotonic()

    def note(self, actor: Actor, study: str, what: str, **detail: str | int) -> None:
        """Record a retrieval of its own: a whole series or study."""
        with self._database.writing() as session:
            record(
                session,
                actor,
                "instances.retrieved",
                object_kind="study",
                object_id=study,
                now=self._clock(),
                detail={"what": what, **detail},
            )

    def note_once(self, actor: Actor, study: str, what: str) -> None:
        """Record a retrieval of parts unless that was done within the window."""
        if self.noted(actor, study, what):
            return
        self.note(actor, study, what)
        with self._lock:
            self._noted[_key(actor, study, what)] = self._monotonic() + WINDOW_SECONDS
            while len(self._noted) > _MOST:
                self._noted.popitem(last=False)


def _key(actor: Actor, study: str, what: str) -> _Key:
    return actor.actor_id, actor.institution_code, study, what
