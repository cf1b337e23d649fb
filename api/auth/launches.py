"""How a HIS wakes the doctor's plugin: a signed launch, good once and soon, becomes a session of the plugin alone.

It is no sign-in: who came by a launch gave no password and no second factor, so the session opens what the plugin
shows and nothing else, whatever further roles the account has.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from redis import Redis

from api.accounts.sessions import IDLE, LONGEST
from api.auth.one_time import OneTimeTokens
from imaging_core.domain.identifiers import PatientKey
from imaging_core.sharing.links import LinkIssuer

LAUNCH_LASTS = timedelta(minutes=2)
_OPENING_LASTS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Launch:
    """Which doctor is to be shown which patient."""

    account_id: int
    patient: PatientKey | None
    patient_named: bool
    """The HIS named a patient, whether we know them or not."""


class Refusal(StrEnum):
    """Why a launch opens nothing."""

    FORGED = "forged"
    EXPIRED = "expired"
    REPLAYED = "replayed"


class Launches:
    """Launches that wait to be used. The signature tells a spent or late one from one that was never given."""

    def __init__(self, redis: Redis, issuer: LinkIssuer) -> None:
        self._redis = redis
        self._issuer = issuer

    def issue(self, launch: Launch, now: datetime) -> tuple[str, datetime]:
        """Return a token and when it ends."""
        ends = now + LAUNCH_LASTS
        named = f"{secrets.token_urlsafe(16)}.{int(ends.timestamp())}"
        self._redis.set(_key("launch", named), json.dumps(asdict(launch)), ex=LAUNCH_LASTS)
        return f"{named}.{self._signature(named)}", ends

    def take(self, token: str, now: datetime) -> Launch | Refusal:
        """Return what a token stands for; it is spent by this."""
        named, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(named).encode()):
            return Refusal.FORGED
        kept = self._redis.getdel(_key("launch", named))
        if now >= datetime.fromtimestamp(int(named.rpartition(".")[2]), UTC):
            return Refusal.EXPIRED
        if not isinstance(kept, bytes):
            return Refusal.REPLAYED
        return Launch(**json.loads(kept))

    def _signature(self, named: str) -> str:
        return self._issuer.token(f"launch/{named}")


@dataclass(frozen=True, slots=True)
class PluginSession:
    """An awake plugin."""

    cookie_hash: str
    launch: Launch


class PluginSessions:
    """Sessions of awake plugins in Redis, found by an opaque cookie; unused ones end as sign-ins do."""

    def __init__(self, redis: Redis, issuer: LinkIssuer) -> None:
        self._redis = redis
        self._issuer = issuer

    def begin(self, launch: Launch, now: datetime) -> str:
        """Return the cookie of a new session."""
        cookie = secrets.token_urlsafe(32)
        content = json.dumps({"launch": asdict(launch), "began": now.isoformat()})
        self._redis.set(_key("plugin", cookie), content, ex=IDLE)
        return cookie

    def find(self, cookie: str, now: datetime) -> PluginSession | None:
        """Return the session of a cookie; unknown, idle and overlong ones all give None."""
        key = _key("plugin", cookie)
        kept = self._redis.getex(key, ex=IDLE) if cookie else None
        if not isinstance(kept, bytes):
            return None
        session = json.loads(kept)
        if now - datetime.fromisoformat(session["began"]) > LONGEST:
            return None
        return PluginSession(key, Launch(**session["launch"]))

    def end(self, cookie: str) -> None:
        """End a session and what it was shown."""
        key = _key("plugin", cookie)
        self._redis.delete(key, f"{key}:shown", f"{key}:patients")

    def switch(self, session: PluginSession, patient: PatientKey) -> None:
        """Put another patient before the doctor; how the last one's examinations open is forgotten."""
        kept = self._redis.get(session.cookie_hash)
        if not isinstance(kept, bytes):
            return  # ended meanwhile
        launch = Launch(session.launch.account_id, patient, patient_named=True)
        content = json.dumps(json.loads(kept) | {"launch": asdict(launch)})
        self._redis.delete(f"{session.cookie_hash}:shown")
        self._redis.set(session.cookie_hash, content, xx=True, keepttl=True)

    def references(self, session: PluginSession, patients: Collection[PatientKey]) -> dict[PatientKey, str]:
        """Return by what this session names patients; only what it was given here leads back to one."""
        names = {patient: self._issuer.token(f"{session.cookie_hash}/{patient}") for patient in patients}
        if names:
            key = f"{session.cookie_hash}:patients"
            self._redis.hset(key, mapping={name: patient for patient, name in names.items()})
            self._redis.expire(key, LONGEST)
        return names

    def patient_of(self, session: PluginSession, reference: str) -> PatientKey | None:
        """Return whom a reference names; None when this session was not given it."""
        kept = self._redis.hget(f"{session.cookie_hash}:patients", reference)
        return PatientKey(int(kept)) if isinstance(kept, bytes) else None

    def keep_shown(self, session: PluginSession, openings: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember how examinations elsewhere open, by the references that the page was given."""
        content = json.dumps({reference: dict(opening) for reference, opening in openings.items()})
        self._redis.set(f"{session.cookie_hash}:shown", content, ex=IDLE)

    def shown(self, session: PluginSession, reference: str) -> dict[str, Any] | None:
        """Return how an examination elsewhere opens; None when this session was not shown it."""
        kept = self._redis.get(f"{session.cookie_hash}:shown")
        opening: dict[str, Any] | None = json.loads(kept).get(reference) if isinstance(kept, bytes) else None
        return opening


class Openings:
    """One-time addresses at which an examination held here opens to a doctor."""

    def __init__(self, redis: Redis) -> None:
        self._tokens = OneTimeTokens(redis, "opening", lasts=_OPENING_LASTS)

    def issue(self, *, link_id: str, account_id: int) -> str:
        """Return a token for this link in the hands of this doctor."""
        return self._tokens.issue([link_id, account_id])

    def take(self, token: str) -> tuple[str, int] | None:
        """Return link and account, once."""
        kept = self._tokens.take(token)
        if kept is None:
            return None
        link_id, account_id = kept
        return link_id, account_id


def _key(kind: str, secret: str) -> str:
    return f"{kind}:" + hashlib.sha256(secret.encode()).hexdigest()
