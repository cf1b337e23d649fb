"""Time-based one-time passwords (RFC 6238), each usable once."""

import io
from datetime import datetime

import pyotp
import segno
from redis import Redis

from imaging_core.patients.cipher import FieldCipher

_STEP_SECONDS = 30
_STEPS_BESIDE = 1
"""Steps before and after the present one that count too: clocks of phones go wrong by some seconds."""


def new_secret() -> str:
    """Return a fresh secret in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, *, login: str, issuer: str) -> str:
    """Return the address that authenticator apps read from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def qr_svg(uri: str) -> str:
    """Return the QR code as an SVG document."""
    out = io.BytesIO()
    segno.make(uri, error="m").save(out, kind="svg", scale=5, border=2, xmldecl=False)
    return out.getvalue().decode()


def seal_secret(cipher: FieldCipher, secret: str, *, account_id: int) -> bytes:
    """Return the secret sealed to its account."""
    return cipher.encrypt(secret, row=_row(account_id))


def open_secret(cipher: FieldCipher, sealed: bytes, *, account_id: int) -> str:
    """Return a sealed secret."""
    return cipher.decrypt(sealed, row=_row(account_id))


def take_code(  # all that a code depends on
    redis: Redis, cipher: FieldCipher, sealed: bytes, code: str, *, account_id: int, now: datetime
) -> bool:
    """Return whether the code is right now; a right code is spent."""
    totp = pyotp.TOTP(open_secret(cipher, sealed, account_id=account_id))
    step = totp.timecode(now)
    for candidate in range(step - _STEPS_BESIDE, step + _STEPS_BESIDE + 1):
        if pyotp.utils.strings_equal(code, totp.generate_otp(candidate)):
            lifetime = _STEP_SECONDS * (2 * _STEPS_BESIDE + 2)
            return bool(redis.set(f"totp:{account_id}:{candidate}", b"1", nx=True, ex=lifetime))
    return False


def _row(account_id: int) -> str:
    return f"account:{account_id}"
