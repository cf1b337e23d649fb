"""Visits under way: between the door and a platform's sign-in page, in Redis, for minutes.

Found only by the cookie of the browser that began it together with its state: an address that somebody else was
given opens nothing in another browser, and nobody is signed in as another person by a prepared link.
"""

import hashlib
import json
import secrets
from dataclasses import asdict

from redis import Redis

from api.auth.citizen.port import Visit

VISIT_COOKIE = "my_visit"
VISIT_PATH = "/api/patient/citizen"
VISIT_SECONDS = 600


class Visits:
    """Begins visits, and ends each at its first return."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, platform: str) -> tuple[Visit, str]:
        """Return a new visit and the cookie value of its browser."""
        visit = Visit(
            platform=platform,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )
        cookie = secrets.token_urlsafe(24)
        self._redis.set(_key(cookie, visit.state), json.dumps(asdict(visit)), ex=VISIT_SECONDS)
        return visit, cookie

    def take(self, platform: str, cookie: str, state: str) -> Visit | None:
        """Return the visit that this browser began at this platform; a second return finds none."""
        kept = self._redis.getdel(_key(cookie, state))
        if not isinstance(kept, bytes):
            return None
        visit = Visit(**json.loads(kept))
        return visit if visit.platform == platform else None


def _key(cookie: str, state: str) -> str:
    return "citizen-visit:" + hashlib.sha256(f"{cookie}\0{state}".encode(errors="surrogatepass")).hexdigest()
