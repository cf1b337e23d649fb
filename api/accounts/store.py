"""Making, finding and changing accounts."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts.errors import LoginTaken, PasswordRule, RolesConflict, WeakPassword
from api.accounts.passwords import check_new_password, hash_password, password_matches
from api.accounts.roles import Role, conflict, needs_second_factor
from api.accounts.sessions import end_sessions
from api.accounts.tables import AccountRow

LOGIN_PATTERN = r"^[A-Za-z][A-Za-z0-9._-]{1,31}$"


def create_account(
    session: Session,
    *,
    institution_code: str,
    login: str,
    name: str,
    roles: AbstractSet[Role],
    password: str,
    now: datetime,
    department: str = "",
) -> AccountRow:
    """Add an account with an initial password, which its holder must change.

    Raises:
        LoginTaken: the institution has an account of this login.
        RolesConflict: one person may not hold these roles together.
        WeakPassword: the initial password breaks a rule.
    """
    login = login.lower()
    if conflict(roles):
        raise RolesConflict
    check_new_password(password, login=login)
    if find_account(session, institution_code, login) is not None:
        raise LoginTaken(login)
    row = AccountRow(
        institution_code=institution_code,
        login=login,
        name=name,
        department=department,
        roles=sorted(roles),
        password_hash=hash_password(password),
        password_set_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def request_account(
    session: Session,
    *,
    institution_code: str,
    login: str,
    name: str,
    department: str,
    requested_roles: AbstractSet[Role],
    password_hash: str,
    now: datetime,
) -> AccountRow:
    """Add an account that may do nothing yet: its roles count once `set_roles` granted them.

    Takes the hash and not the password: hashing is slow, and a transaction is open here.

    Raises:
        LoginTaken: the institution has an account of this login.
        RolesConflict: one person may not hold these roles together.
    """
    login = login.lower()
    if conflict(requested_roles):
        raise RolesConflict
    row = AccountRow(
        institution_code=institution_code,
        login=login,
        name=name,
        department=department,
        roles=[],
        requested_roles=sorted(requested_roles),
        password_hash=password_hash,
        password_set_at=now,
        created_at=now,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as taken:
        raise LoginTaken(login) from taken
    return row


def find_account(session: Session, institution_code: str, login: str) -> AccountRow | None:
    """Return the account of a login, disabled or not."""
    return session.scalars(
        select(AccountRow).where(AccountRow.institution_code == institution_code, AccountRow.login == login.lower())
    ).one_or_none()


def roles_of(account: AccountRow) -> frozenset[Role]:
    """Return an account's roles."""
    return frozenset(Role(role) for role in account.roles)


def change_password(session: Session, account: AccountRow, new: str, now: datetime) -> None:
    """Set the holder's own password; every other sign-in of the account ends.

    Raises:
        WeakPassword: the password breaks a rule, or is the present one.
    """
    check_new_password(new, login=account.login)
    if password_matches(account.password_hash, new):
        raise WeakPassword(PasswordRule.UNCHANGED)
    account.password_hash, account.password_set_at, account.password_is_initial = hash_password(new), now, False
    end_sessions(session, account, now)
    session.flush()


def set_roles(session: Session, account: AccountRow, roles: AbstractSet[Role], now: datetime) -> None:
    """Give an account other roles; its sign-ins end, so that none keeps what was taken away.

    Raises:
        RolesConflict: one person may not hold these roles together.
    """
    if conflict(roles):
        raise RolesConflict
    account.roles, account.requested_roles = sorted(roles), []
    end_sessions(session, account, now)
    session.flush()


def disable_account(session: Session, account: AccountRow, now: datetime) -> None:
    """Shut an account and end its sign-ins."""
    account.disabled_at = account.disabled_at or now
    end_sessions(session, account, now)
    session.flush()


def reset_account(session: Session, account: AccountRow, password: str, now: datetime) -> None:
    """Hand out a new initial password and forget the second factor, as when phone or password was lost.

    Raises:
        WeakPassword: the password breaks a rule.
    """
    check_new_password(password, login=account.login)
    account.password_hash, account.password_set_at, account.password_is_initial = hash_password(password), now, True
    account.second_factor = None
    account.disabled_at = None
    end_sessions(session, account, now)
    session.flush()


def suspend_powers(account: AccountRow) -> None:
    """Let roles that administer or audit wait for a new grant, when another person has come to know the password.

    Whoever hands out a password could else sign in as the auditor.
    """
    if needs_second_factor(roles_of(account)):
        account.roles, account.requested_roles = [], account.roles
