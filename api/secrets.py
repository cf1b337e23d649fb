"""The keys of an installation: made at random on first start, kept outside the database.

There are no default secrets. `keys.json` in the data folder (mode 0600) holds every key by name and
generation; `MINGYING_KEYS_FILE` may name another place, e.g. one mounted from a vault.
"""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from api.processes.system import open_to_others

_NAMES = ("field_cipher", "blind_index", "link", "audit")
_BYTES = 32


class KeysUnreadable(Exception):
    """The key file exists but cannot be used; nothing is started, nothing is made anew."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """All keys, each 32 random bytes."""

    field_cipher: dict[str, bytes]
    """By key id; old ones stay readable after a rotation."""
    current_field_cipher: str
    blind_index: bytes
    link: bytes
    audit: bytes


def load_or_create_keys(data: Path) -> Keys:
    """Read the installation's keys, making them when the folder is new.

    Raises:
        KeysUnreadable: the file is damaged, or readable by others.
    """
    path = keys_file(data)
    if not path.exists():
        _create(path)
    return _read(path)


def keys_file(data: Path) -> Path:
    """Return where the keys of a data folder are."""
    return Path(os.environ.get("MINGYING_KEYS_FILE", data / "keys.json"))


def fingerprints(path: Path) -> dict[str, dict[str, str]]:
    """Name the keys in a file by kind and generation without telling them: a digest of 32 random bytes says nothing.

    Raises:
        KeysUnreadable: the file is damaged, or readable by others.
    """
    return {
        name: {number: hashlib.sha256(key).hexdigest()[:16] for number, key in generations.items()}
        for name, generations in _generations(path).items()
    }


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {name: {"1": base64.b64encode(secrets.token_bytes(_BYTES)).decode()} for name in _NAMES}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # the first of several starting processes wins, whole
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _generations(path: Path) -> dict[str, dict[str, bytes]]:
    if open_to_others(path):
        raise KeysUnreadable(f"{path} may be read by others: run chmod 600 on it")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        keys = {
            name: {number: base64.b64decode(value, validate=True) for number, value in document[name].items()}
            for name in _NAMES
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnreadable(f"{path} is damaged: restore it from the backup ({error!r})") from error
    if any(len(key) != _BYTES for generations in keys.values() for key in generations.values()):
        raise KeysUnreadable(f"{path} holds a key that is not {_BYTES} bytes")
    return keys


def _read(path: Path) -> Keys:
    keys = _generations(path)
    newest = {name: max(generations, key=int) for name, generations in keys.items()}
    return Keys(
        field_cipher=keys["field_cipher"],
        current_field_cipher=newest["field_cipher"],
        blind_index=keys["blind_index"][newest["blind_index"]],
        link=keys["link"][newest["link"]],
        audit=keys["audit"][newest["audit"]],
    )
