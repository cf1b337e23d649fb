"""How long the chain was when it was last sealed, kept outside the database.

Without it, removing the newest events together with their links would leave a shorter chain that is
whole in itself. Copy the file to another machine to hold even those to account who own this one.
"""

import hashlib
import hmac
import os
from pathlib import Path


class AuditAnchor:
    """The number of the last link, in a file of one line, signed."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key

    def remember(self, head: int) -> None:
        """Write the number of the last link; the file is replaced whole."""
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        temporary.write_text(f"{head} {self._sign(head)}\n")
        temporary.replace(self._path)

    def head(self) -> int:
        """Return the remembered number; 0 when nothing was sealed yet.

        Raises:
            AnchorForged: the file was changed by someone without the key.
        """
        if not self._path.exists():
            return 0
        number, _, signature = self._path.read_text().strip().partition(" ")
        if not number.isdigit() or not hmac.compare_digest(signature, self._sign(int(number))):
            raise AnchorForged(str(self._path))
        return int(number)

    def _sign(self, head: int) -> str:
        return hmac.new(self._key, f"anchor {head}".encode(), hashlib.sha256).hexdigest()


class AnchorForged(Exception):
    """The anchor file does not carry our signature."""
