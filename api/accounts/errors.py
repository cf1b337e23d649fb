"""What can go wrong with accounts.

AccountError
├── LoginTaken           another account of the institution has this login
├── RolesConflict        one person may not hold these roles together
└── WeakPassword         the new password breaks a rule; `rule` names it
"""

from enum import StrEnum


class AccountError(Exception):
    """Anything the accounts refuse."""


class LoginTaken(AccountError):
    """Another account of the institution has this login."""

    def __init__(self, login: str) -> None:
        super().__init__(f"login {login} is taken")
        self.login = login


class RolesConflict(AccountError):
    """One person may not hold these roles together."""


class PasswordRule(StrEnum):
    """Rules of a new password."""

    LENGTH = "length"
    KINDS = "kinds"
    CONTAINS_LOGIN = "contains_login"
    UNCHANGED = "unchanged"


class WeakPassword(AccountError):
    """The new password breaks a rule."""

    def __init__(self, rule: PasswordRule) -> None:
        super().__init__(f"password breaks the rule {rule}")
        self.rule = rule
