"""Passwords: rules, hashes, and initial ones."""

import base64
import secrets
import string

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.accounts.errors import PasswordRule, WeakPassword

LEAST_CHARACTERS = 10
MOST_CHARACTERS = 128
_LEAST_KINDS = 3
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_INITIAL_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

_hasher = PasswordHasher()


def _random_base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


# Checked when there is no such account, so that the answer takes as long as for one that exists. Made up and not
# hashed: every process that loads this module would wait for that.
_NOBODY = (
    f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"${_random_base64(_hasher.salt_len)}${_random_base64(_hasher.hash_len)}"
)


def check_new_password(password: str, *, login: str) -> None:
    """Raise `WeakPassword` unless it is long, of three kinds of characters, and not built on the login."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise WeakPassword(PasswordRule.LENGTH)
    kinds = sum(any(character in kind for character in password) for kind in _KINDS)
    kinds += any(not character.isascii() or character in string.punctuation + " " for character in password)
    if kinds < _LEAST_KINDS:
        raise WeakPassword(PasswordRule.KINDS)
    if login.lower() in password.lower():
        raise WeakPassword(PasswordRule.CONTAINS_LOGIN)


def hash_password(password: str) -> str:
    """Return the Argon2id hash, with its parameters."""
    return _hasher.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Return whether the password is right; None (no such account) takes as long and is never right."""
    try:
        _hasher.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def initial_password() -> str:
    """Return a password to hand over once: 16 characters without look-alikes, of all three kinds."""
    while True:
        password = "".join(secrets.choice(_INITIAL_ALPHABET) for _ in range(16))
        if all(any(character in kind for character in password) for kind in _KINDS):
            return password
