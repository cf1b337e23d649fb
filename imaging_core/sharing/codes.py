"""Codes people read out and type: passcodes of shares (口令), extraction codes of downloads (提取码).

They are short, so the database must not be enough to find them: kept is an argon2 hash of a keyed digest.
"""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imaging_core.sharing.errors import PasscodeUnsuitable

_SHORTEST, _LONGEST = 4, 12
_DIGITS: Final = 6
# no 0/O, 1/I/L, 2/Z, 5/S, 8/B: read aloud over a telephone, or off a screen with weak eyes
_ALPHABET: Final = "34679ACDEFGHJKMNPQRTUVWXY"
_EXTRACTION_LENGTH: Final = 6
_ROWS: Final = ("01234567890", "09876543210")


class CodeHasher:
    """Hashes and compares codes; slow on purpose, so never inside a transaction."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        # OWASP's second set: some 30 ms here. Tries are counted, and the key is not in the database.
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

    def __repr__(self) -> str:
        return "CodeHasher()"

    def hash(self, code: str) -> str:
        """Return what the database keeps of a code."""
        return self._argon2.hash(self._keyed(code))

    def matches(self, kept: str, code: str) -> bool:
        """Return whether the code is the one that was hashed."""
        try:
            return self._argon2.verify(kept, self._keyed(code))
        except (VerificationError, InvalidHashError):
            return False

    def _keyed(self, code: str) -> bytes:
        return hmac.new(self._key, b"code\0" + tidy_code(code).encode(), hashlib.sha256).digest()


def tidy_code(typed: str) -> str:
    """Return a code without what phone keyboards add: full-width digits, gaps, a capital at the start.

    >>> tidy_code(" １２ 3a-B ")
    '123ab'
    """
    return "".join(unicodedata.normalize("NFKC", typed).replace("-", "").split()).casefold()


def new_passcode() -> str:
    """Return six digits at random, not among the first that anybody would try."""
    while True:
        digits = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        if not _obvious(digits):
            return digits


def new_extraction_code() -> str:
    """Return six characters at random, none of which looks like another."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_EXTRACTION_LENGTH))


def check_passcode(passcode: str) -> None:
    """Refuse a passcode that protects nothing.

    Raises:
        PasscodeUnsuitable: shorter than 4 or longer than 12 characters, one character only, or a row of digits.
    """
    tidy = tidy_code(passcode)
    if not _SHORTEST <= len(tidy) <= _LONGEST or _obvious(tidy):
        raise PasscodeUnsuitable


def _obvious(code: str) -> bool:
    return len(set(code)) == 1 or any(code in row for row in _ROWS)
