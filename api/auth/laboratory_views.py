"""How a doctor opens a patient's laboratory reports: a one-time address becomes a cookie that shows these alone.

Both are of the doctor who clicked, so that they open in any browser and end with the account.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta

from redis import Redis

from api.auth.one_time import OneTimeTokens
from imaging_core.domain.identifiers import PatientKey

_OPENING_LASTS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LaboratoryView:
    """Whose laboratory reports are shown to which doctor."""

    patient: PatientKey
    account_id: int


class LaboratoryViews:
    """Openings that wait to be used, and the views that came of them."""

    def __init__(self, redis: Redis, *, lasts: timedelta) -> None:
        self._redis = redis
        self._openings = OneTimeTokens(redis, "laboratory-opening", lasts=_OPENING_LASTS)
        self.lasts = lasts

    def issue(self, view: LaboratoryView, reference: str) -> str:
        """Return a token that opens one report."""
        return self._openings.issue([view.patient, view.account_id, reference])

    def take(self, token: str) -> tuple[LaboratoryView, str] | None:
        """Return view and report, once."""
        kept = self._openings.take(token)
        if kept is None:
            return None
        patient, account_id, reference = kept
        return LaboratoryView(PatientKey(patient), account_id), reference

    def begin(self, view: LaboratoryView) -> str:
        """Return the cookie of a view; it ends by itself."""
        cookie = secrets.token_urlsafe(32)
        self._redis.set(_key(cookie), json.dumps([view.patient, view.account_id]), ex=self.lasts)
        return cookie

    def find(self, cookie: str) -> LaboratoryView | None:
        """Return the view of a cookie; unknown and ended ones give None."""
        kept = self._redis.get(_key(cookie)) if cookie else None
        if not isinstance(kept, bytes):
            return None
        patient, account_id = json.loads(kept)
        return LaboratoryView(PatientKey(patient), account_id)


def _key(cookie: str) -> str:
    return "laboratory-view:" + hashlib.sha256(cookie.encode()).hexdigest()
