"""Tokens that stand for something once and soon, such as an address that a click opens."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from redis import Redis


class OneTimeTokens:
    """What waits under tokens of one kind. Redis knows digests of the tokens only."""

    def __init__(self, redis: Redis, kind: str, *, lasts: timedelta) -> None:
        self._redis = redis
        self._kind = kind
        self._lasts = lasts

    def issue(self, content: Sequence[str | int]) -> str:
        """Return a token for the content."""
        token = secrets.token_urlsafe(24)
        self._redis.set(self._key(token), json.dumps(content), ex=self._lasts)
        return token

    def take(self, token: str) -> list[Any] | None:
        """Return the content, once; None of a token that is used, over or unknown."""
        kept = self._redis.getdel(self._key(token))
        if not isinstance(kept, bytes):
            return None
        content: list[Any] = json.loads(kept)
        return content

    def _key(self, token: str) -> str:
        return f"{self._kind}:" + hashlib.sha256(token.encode()).hexdigest()
