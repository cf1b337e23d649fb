"""Identifiers that are the same on every machine, under a root nobody has to register.

PS3.5 B.2: 2.25 followed by a UUID as an integer. The UUID comes from a name, so that building the demo twice gives
the same files.
"""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6d1d9f3e-5b0a-5c7e-9a51-6d696e677969")


def phantom_uid(*names: str | int) -> str:
    """Return the UID of whatever these names lead to.

    >>> phantom_uid("study", 1) == phantom_uid("study", 1)
    True
    >>> len(phantom_uid("study", 1)) <= 64
    True
    """
    return f"2.25.{uuid5(_NAMESPACE, '/'.join(map(str, names))).int}"


IMPLEMENTATION_CLASS_UID = phantom_uid("implementation")
IMPLEMENTATION_VERSION_NAME = "MINGYING_DEMO"
