"""Roles of staff, and which of them one person may not hold together (三员分立)."""

from collections.abc import Set as AbstractSet
from enum import StrEnum


class Role(StrEnum):
    """What an account may be used for."""

    DOCTOR = "doctor"
    AUTHOR = "author"
    REVIEWER = "reviewer"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    AUDITOR = "auditor"


# GB/T 22239-2019 8.1.5: system, audit and security management are separate duties.
_SEPARATED = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR})


def conflict(roles: AbstractSet[Role]) -> bool:
    """Return whether one person may not hold these together.

    >>> conflict({Role.AUTHOR, Role.REVIEWER}), conflict({Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})
    (False, True)
    """
    return len(roles & _SEPARATED) > 1


def needs_second_factor(roles: AbstractSet[Role]) -> bool:
    """Return whether a password alone is not enough: those who administer or audit."""
    return bool(roles & _SEPARATED)
