"""Signatures under a secret that a platform and a hospital share.

An answer is signed together with the question's nonce and path, so that it is good for no other question.
A retrieval ticket is signed for one institution. The purposes differ in their first word: neither passes for the other.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

NONCE = "X-Nonce"
TIMESTAMP = "X-Timestamp"
SIGNATURE = "X-Signature"
_LONGEST_TICKET = 4096


def sign_answer(secret: bytes, *, nonce: str, timestamp: str, path: str, body: bytes) -> str:
    """Return the signature of an answer, in hexadecimal."""
    head = f"answer\n{nonce}\n{timestamp}\n{path}\n".encode()
    return hmac.new(secret, head + body, hashlib.sha256).hexdigest()


def answer_is_signed(secret: bytes, signature: str, *, nonce: str, timestamp: str, path: str, body: bytes) -> bool:
    """Return whether a signature is that of this answer to this question."""
    expected = sign_answer(secret, nonce=nonce, timestamp=timestamp, path=path, body=body)
    return hmac.compare_digest(expected.encode(), signature.encode())


@dataclass(frozen=True, slots=True)
class RetrievalTicket:
    """Permission from the platform to open one examination at the institution that holds it."""

    ticket_id: str
    """Spent at the first use."""
    institution_code: str
    """Who holds the examination: the only one who may accept the ticket."""
    examination_id: str
    requested_by: str
    """Institution that asked."""
    view_record_id: str
    expires_at: int
    """Seconds since 1970."""


def new_ticket(
    *,
    institution_code: str,
    examination_id: str,
    requested_by: str,
    view_record_id: str,
    now: datetime,
    lasts: timedelta,
) -> RetrievalTicket:
    """Return a ticket that was not there before."""
    return RetrievalTicket(
        ticket_id=secrets.token_urlsafe(16),
        institution_code=institution_code,
        examination_id=examination_id,
        requested_by=requested_by,
        view_record_id=view_record_id,
        expires_at=int((now + lasts).timestamp()),
    )


def seal_ticket(secret: bytes, ticket: RetrievalTicket) -> str:
    """Return a ticket as it stands in an address."""
    content = base64.urlsafe_b64encode(json.dumps(asdict(ticket)).encode()).rstrip(b"=").decode()
    return f"{content}.{_ticket_signature(secret, content)}"


def open_ticket(
    secret: bytes, sealed: str, *, institution_code: str, now: datetime, longest: timedelta
) -> RetrievalTicket | None:
    """Return the ticket in an address. Forged, expired, too long-lived or another institution's all give None.

    Whether it was used before is for the caller to remember until `expires_at`.
    """
    content, _, signature = sealed.partition(".")
    expected = _ticket_signature(secret, content)
    if len(sealed) > _LONGEST_TICKET or not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    try:
        ticket = RetrievalTicket(**json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))))
    except (binascii.Error, ValueError, TypeError):
        return None
    left = ticket.expires_at - now.timestamp()
    if ticket.institution_code != institution_code or not 0 < left <= longest.total_seconds():
        return None
    return ticket


def _ticket_signature(secret: bytes, content: str) -> str:
    return hmac.new(secret, b"ticket\n" + content.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
