"""Keys of machines that call, known for a few seconds so that a thousand requests do not ask the database each."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from api.audit.record import Actor
from api.db.engine import Database
from api.db.tables import MachineKeyRow

KNOWN_SECONDS: Final = 5.0
"""So long a revoked key may still open what asks `known`."""
_MOST: Final = 1024


@dataclass(frozen=True, slots=True)
class MachineKey:
    """A key in use: who calls with it, and what it may do."""

    actor: Actor
    scopes: frozenset[str]


class MachineKeys:
    """Finds keys. Threads may share it."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, MachineKey]] = {}

    def find(self, authorization: str) -> MachineKey | None:
        """Return the key of an Authorization header from the database; None when it is unknown or revoked."""
        digest = _digest(authorization)
        if digest is None:
            return None
        began = self._monotonic()
        with self._database.reading() as session:
            row = session.scalars(
                select(MachineKeyRow).where(MachineKeyRow.key_hash == digest, MachineKeyRow.revoked_at.is_(None))
            ).first()
        if row is None:
            self._known.pop(digest, None)
            return None
        key = MachineKey(Actor("machine", f"key:{row.id}", row.institution_code), frozenset(row.scopes))
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[digest] = (began + KNOWN_SECONDS, key)
        return key

    def known(self, authorization: str) -> MachineKey | None:
        """Return the key if `find` found it a moment ago; asks no database."""
        digest = _digest(authorization)
        kept = self._known.get(digest) if digest else None
        return kept[1] if kept is not None and kept[0] > self._monotonic() else None

    def known_to(self, scope: str) -> Callable[[str], Actor | None]:
        """Return what tells who calls with a header, if `known` knows them and they may do that."""

        def caller(authorization: str) -> Actor | None:
            key = self.known(authorization)
            return key.actor if key is not None and scope in key.scopes else None

        return caller


def _digest(authorization: str) -> str | None:
    scheme, _, key = authorization.partition(" ")
    key = key.strip()
    return hashlib.sha256(key.encode()).hexdigest() if scheme.lower() == "bearer" and key else None
