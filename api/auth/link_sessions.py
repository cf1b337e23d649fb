"""What an exchanged link becomes: a short session in Redis under an opaque cookie.

The link's own token is used once, in the exchange; it never travels again.
"""

import hashlib
import secrets

from redis import Redis

SESSION_SECONDS = 15 * 60


class LinkSessions:
    """Sessions between the exchange of a link and the verification."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, link_id: str) -> str:
        """Return the cookie value of a new session for this link."""
        cookie = secrets.token_urlsafe(24)
        self._redis.set(_key(cookie), link_id, ex=SESSION_SECONDS)
        return cookie

    def link_id(self, cookie: str) -> str | None:
        """Return the link of a session; None when there is none or it ended."""
        value = self._redis.get(_key(cookie)) if cookie else None
        return value.decode() if isinstance(value, bytes) else None

    def end(self, cookie: str) -> None:
        """End a session."""
        self._redis.delete(_key(cookie))


def _key(cookie: str) -> str:
    return "link-session:" + hashlib.sha256(cookie.encode()).hexdigest()
