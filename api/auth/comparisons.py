"""One-time addresses at which two examinations of one patient open side by side to a doctor."""

import hashlib
import json
import secrets
from datetime import timedelta

from redis import Redis

from imaging_core.domain.identifiers import StudyInstanceUid

_LASTS = timedelta(minutes=1)


class Comparisons:
    """Comparisons that wait to be opened."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def issue(self, *, link_id: str, beside: StudyInstanceUid, account_id: int) -> str:
        """Return a token for a link's study and the one beside it, in the hands of this doctor."""
        token = secrets.token_urlsafe(24)
        self._redis.set(_key(token), json.dumps([link_id, beside, account_id]), ex=_LASTS)
        return token

    def take(self, token: str) -> tuple[str, StudyInstanceUid, int] | None:
        """Return link, the other study and account, once."""
        kept = self._redis.getdel(_key(token))
        if not isinstance(kept, bytes):
            return None
        link_id, beside, account_id = json.loads(kept)
        return link_id, StudyInstanceUid(beside), account_id


def _key(token: str) -> str:
    return "comparison:" + hashlib.sha256(token.encode()).hexdigest()
