"""Tickets: good once, within a minute, for one thing of one grant.

They stand between a right code and a download, because a browser that saves a file can send nothing but an address.
"""

import hashlib
import secrets

from redis import Redis


class Tickets:
    """One-time tickets in Redis, kept as hashes."""

    def __init__(self, redis: Redis, *, seconds: int) -> None:
        self._redis = redis
        self.seconds = seconds

    def issue(self, *, grant_id: str, subject: str) -> str:
        """Return a ticket for this subject in the hands of this grant."""
        ticket = secrets.token_urlsafe(24)
        self._redis.set(_key(ticket), _value(grant_id, subject), ex=self.seconds)
        return ticket

    def take(self, ticket: str, *, grant_id: str, subject: str) -> bool:
        """Return whether the ticket is good for this; whatever it was for, it is spent."""
        kept = self._redis.getdel(_key(ticket))
        return isinstance(kept, bytes) and secrets.compare_digest(kept, _value(grant_id, subject))


def _key(ticket: str) -> str:
    return "ticket:" + hashlib.sha256(ticket.encode()).hexdigest()


def _value(grant_id: str, subject: str) -> bytes:
    return f"{grant_id}\x00{subject}".encode()
