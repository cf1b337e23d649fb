"""Sealing of phone and resident ID numbers, and the blind index that finds them again.

A sealed field is `version (1 byte) | length of key id (1) | key id | nonce (12) | AES-GCM ciphertext and tag`.
The row it belongs to is authenticated with it, so a sealed value copied to another row does not open.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imaging_core.patients.errors import DamagedField, UnknownFieldKey

_VERSION = 1
_NONCE_BYTES = 12
_LEAST_INDEX_KEY_BYTES = 32


class FieldCipher:
    """AES-GCM under named keys, HMAC-SHA256 under its own key.

    Rotation: hand in the old and the new key, name the new one current, then `reseal` what
    `needs_resealing`. The index key stays; changing it means building every blind index anew.
    """

    def __init__(self, keys: Mapping[str, bytes], current_key_id: str, index_key: bytes) -> None:
        if current_key_id not in keys:
            raise UnknownFieldKey(current_key_id)
        if len(index_key) < _LEAST_INDEX_KEY_BYTES:
            raise ValueError(f"the index key needs at least {_LEAST_INDEX_KEY_BYTES} bytes")
        if any(hmac.compare_digest(key, index_key) for key in keys.values()):
            raise ValueError("the index key must differ from the field keys")
        if any(not 0 < len(key_id.encode()) < 256 for key_id in keys):
            raise ValueError("a key id has 1 to 255 bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current_key_id = current_key_id
        self._index_key = index_key

    def __repr__(self) -> str:
        return f"FieldCipher(current_key_id={self._current_key_id!r})"

    def seal(self, content: bytes, *, row: str) -> bytes:
        """Encrypt under the current key, bound to `row`."""
        key_id = self._current_key_id.encode()
        header = bytes([_VERSION, len(key_id)]) + key_id
        nonce = os.urandom(_NONCE_BYTES)
        return header + nonce + self._ciphers[self._current_key_id].encrypt(nonce, content, header + row.encode())

    def open(self, sealed: bytes, *, row: str) -> bytes:
        """Decrypt what was sealed for `row`. Raises `UnknownFieldKey` or `DamagedField`."""
        key_id, header_bytes = _key_id_of(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownFieldKey(key_id)
        header, rest = sealed[:header_bytes], sealed[header_bytes:]
        if len(rest) < _NONCE_BYTES + 16:
            raise DamagedField
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + row.encode())
        except InvalidTag:
            raise DamagedField from None

    def encrypt(self, value: str, *, row: str) -> bytes:
        """Seal a text."""
        return self.seal(value.encode(), row=row)

    def decrypt(self, sealed: bytes, *, row: str) -> str:
        """Open a sealed text."""
        return self.open(sealed, row=row).decode()

    def needs_resealing(self, sealed: bytes) -> bool:
        """Return whether `sealed` is under another key than the current one."""
        return _key_id_of(sealed)[0] != self._current_key_id

    def reseal(self, sealed: bytes, *, row: str) -> bytes:
        """Return the same content under the current key."""
        return self.seal(self.open(sealed, row=row), row=row)

    def blind_index(self, value: str, *, purpose: str) -> str:
        """Return 64 hexadecimal digits that are equal for equal values of one purpose, and tell nothing else."""
        return hmac.new(self._index_key, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()


def _key_id_of(sealed: bytes) -> tuple[str, int]:
    if len(sealed) < 2 or sealed[0] != _VERSION or len(sealed) < 2 + sealed[1]:
        raise DamagedField
    end = 2 + sealed[1]
    try:
        return sealed[2:end].decode(), end
    except UnicodeDecodeError:
        raise DamagedField from None
