"""One-time tickets: the platform sends the browser with one, we redeem it by a signed call.

No public interface exists of the platforms that work this way, so the contract is ours (docs/connect.md).
"""

import hashlib
import hmac
import json
import secrets
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError
from redis import Redis

from api.auth.citizen.calls import Budget, call, read_object
from api.auth.citizen.port import Citizen, CitizenPlatformUnavailable, CitizenRefused, Visit
from api.settings import TicketPlatformSettings
from imaging_core.interop.regional.signing import NONCE, SIGNATURE, TIMESTAMP, answer_is_signed

_SKEW_SECONDS = 300
_LONGEST_SECONDS = 600
"""No ticket may be good for longer: it stands in an address, if only for a moment."""


class _Redeemed(BaseModel):
    app_key: str
    """Whom the ticket was made for."""
    expires_at: int
    """Seconds since 1970."""
    id_number: str
    name: str = ""


class TicketPlatform:
    """A platform that sends its citizens with one-time tickets."""

    def __init__(self, settings: TicketPlatformSettings, redis: Redis, *, seconds: float) -> None:
        self._settings = settings
        self._redis = redis
        self._seconds = seconds

    def address(self, visit: Visit) -> str | None:
        """Return the platform's own page for this hospital, if it has one."""
        return self._settings.entry_url

    def identify(self, reference: str, visit: Visit | None, now: datetime) -> Citizen:
        """Redeem a ticket. One that was good before is refused here too, whatever the platform says."""
        redeemed = self._redeem(reference, now)
        left = redeemed.expires_at - now.timestamp()
        if redeemed.app_key != self._settings.key:
            raise CitizenRefused("ticket_for_another")
        if left <= 0:
            raise CitizenRefused("ticket_expired")
        if left > _LONGEST_SECONDS:
            raise CitizenRefused("ticket_too_long_lived")
        spent = "citizen-ticket:" + hashlib.sha256(reference.encode(errors="surrogatepass")).hexdigest()
        if not self._redis.set(spent, b"1", nx=True, ex=2 * _LONGEST_SECONDS):
            raise CitizenRefused("ticket_spent")
        return Citizen(id_number=redeemed.id_number, name=redeemed.name)

    def _redeem(self, ticket: str, now: datetime) -> _Redeemed:
        settings = self._settings
        secret = settings.secret.get_secret_value().encode()
        path = urlsplit(settings.redeem_url).path
        nonce, timestamp = secrets.token_hex(16), str(int(now.timestamp()))
        body = json.dumps({"app_key": settings.key, "ticket": ticket}).encode()
        headers = {
            NONCE: nonce,
            TIMESTAMP: timestamp,
            SIGNATURE: sign_question(secret, nonce=nonce, timestamp=timestamp, path=path, body=body),
            "Content-Type": "application/json",
        }
        answer = call("POST", settings.redeem_url, Budget.of(self._seconds), content=body, headers=headers)
        self._require_signature(answer, secret, nonce=nonce, path=path, now=now)
        if answer.status_code in {404, 410}:
            raise CitizenRefused("ticket_unknown_or_spent")
        if answer.status_code != 200:
            raise CitizenPlatformUnavailable(f"HTTP {answer.status_code}")
        try:
            return _Redeemed.model_validate(read_object(answer))
        except ValidationError:
            raise CitizenPlatformUnavailable("not the agreed form") from None

    def _require_signature(
        self, answer: httpx.Response, secret: bytes, *, nonce: str, path: str, now: datetime
    ) -> None:
        timestamp = answer.headers.get(TIMESTAMP, "")
        signature = answer.headers.get(SIGNATURE, "")
        if not answer_is_signed(secret, signature, nonce=nonce, timestamp=timestamp, path=path, body=answer.content):
            raise CitizenPlatformUnavailable("the answer is not signed as agreed")
        if not timestamp.isdecimal() or abs(int(timestamp) - now.timestamp()) > _SKEW_SECONDS:
            raise CitizenPlatformUnavailable("the answer is signed for another time: compare the clocks")


def sign_question(secret: bytes, *, nonce: str, timestamp: str, path: str, body: bytes) -> str:
    """Return the signature of a call, in hexadecimal; its first word keeps it apart from that of an answer."""
    head = f"question\n{nonce}\n{timestamp}\n{path}\n".encode()
    return hmac.new(secret, head + body, hashlib.sha256).hexdigest()
