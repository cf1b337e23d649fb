"""Proving who one is before anything is shown: a code to the phone on record, or the resident ID number.

Answers never tell whether a phone or number is on record. Tries are limited by link and by patient, so
neither many links nor many patients give more tries; those of a share by link alone. Codes live in Redis as keyed
hashes, for minutes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from redis import Redis

from api.auth.limits import Limiter
from api.settings import VerificationSettings
from api.sms.sender import SmsSender
from imaging_core.sharing.links import Link, LinkKind

CODE_LENGTH = 6
_RANGE = 10**CODE_LENGTH


class CodeRequest(StrEnum):
    """What became of the wish for a code."""

    ACCEPTED = "accepted"
    TOO_SOON = "too_soon"


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """Outcome and the seconds until the next code may be asked for."""

    outcome: CodeRequest
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class TryCount:
    """Tries left in this window; `locked` when the one being made is already too many."""

    locked: bool
    tries_left: int
    seconds_left: int


class Verification:
    """One-time codes and tries."""

    def __init__(
        self, redis: Redis, limiter: Limiter, sms: SmsSender | None, key: bytes, settings: VerificationSettings
    ) -> None:
        self._redis = redis
        self._limiter = limiter
        self._sms = sms
        self._key = key
        self._settings = settings

    @property
    def methods(self) -> tuple[str, ...]:
        """Ways to prove who one is that this installation offers."""
        return ("phone", "id_number") if self._sms else ("id_number",)

    def ask_for_code(self, link: Link) -> CodeAnswer:
        """Count a wish for a code, before anyone looks whether the phone is on record."""
        wait = self._settings.resend_seconds
        sent = self._limiter.count(f"sms:{link.link_id}", window_seconds=wait)
        daily = self._limiter.count(f"sms-day:{link.patient}", window_seconds=86_400)
        if sent.tries > 1 or daily.tries > 10 * self._settings.tries:
            return CodeAnswer(CodeRequest.TOO_SOON, sent.seconds_left)
        return CodeAnswer(CodeRequest.ACCEPTED, wait)

    def send_code(self, link: Link, phone: str) -> None:
        """Send a code to a phone that is on record; it takes the place of an earlier one.

        Raises:
            SmsUnreachable: the gateway did not take it.
        """
        if self._sms is None:
            return
        code = f"{secrets.randbelow(_RANGE):0{CODE_LENGTH}d}"
        seconds = self._settings.code_minutes * 60
        self._redis.set(self._code_key(link), self._hash(link, phone, code), ex=seconds)
        self._sms.send_code(phone, code, minutes=self._settings.code_minutes)

    def count_try(self, link: Link) -> TryCount:
        """Count one try before it is judged."""
        window = self._settings.lock_minutes * 60
        counts = [self._limiter.count(key, window_seconds=window) for key in _counted(link)]
        tries = max(count.tries for count in counts)
        return TryCount(
            locked=tries > self._settings.tries,
            tries_left=max(self._settings.tries - tries, 0),
            seconds_left=max(count.seconds_left for count in counts),
        )

    def take_code(self, link: Link, phone: str, code: str) -> bool:
        """Return whether the code is right; a right code is spent, also against a second call at the same time."""
        key = self._code_key(link)
        kept = self._redis.get(key)
        if not isinstance(kept, bytes) or not hmac.compare_digest(kept, self._hash(link, phone, code)):
            return False
        return bool(self._redis.delete(key))

    def succeeded(self, link: Link) -> None:
        """Forget the tries of this link and patient."""
        for key in _counted(link):
            self._limiter.forget(key)

    def _code_key(self, link: Link) -> str:
        return f"code:{link.link_id}"

    def _hash(self, link: Link, phone: str, code: str) -> bytes:
        message = f"{link.link_id}\x00{phone}\x00{code}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest().encode()


def _counted(link: Link) -> list[str]:
    by_link = f"verify:{link.link_id}"
    # who got a share must not be able to lock the patient's own door
    return [by_link] if link.kind is LinkKind.SHARE else [by_link, f"verify-patient:{link.patient}"]
