"""One-time addresses at which two examinations of one patient open side by side to a doctor."""

from datetime import timedelta

from redis import Redis

from api.auth.one_time import OneTimeTokens
from imaging_core.domain.identifiers import StudyInstanceUid

_LASTS = timedelta(minutes=1)


class Comparisons:
    """Comparisons that wait to be opened."""

    def __init__(self, redis: Redis) -> None:
        self._tokens = OneTimeTokens(redis, "comparison", lasts=_LASTS)

    def issue(self, *, link_id: str, beside: StudyInstanceUid, account_id: int) -> str:
        """Return a token for a link's study and the one beside it, in the hands of this doctor."""
        return self._tokens.issue([link_id, beside, account_id])

    def take(self, token: str) -> tuple[str, StudyInstanceUid, int] | None:
        """Return link, the other study and account, once."""
        kept = self._tokens.take(token)
        if kept is None:
            return None
        link_id, beside, account_id = kept
        return link_id, StudyInstanceUid(beside), account_id
