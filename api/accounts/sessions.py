"""Sign-in sessions: how far the holder has come, and for how long."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.accounts.roles import Role, needs_second_factor
from api.accounts.tables import AccountRow, StaffSessionRow
from imaging_core.sharing.links import token_hash

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
PASSWORD_LASTS = timedelta(days=90)
_SEEN_AGAIN_AFTER = timedelta(minutes=1)


class Stage(StrEnum):
    """What a sign-in still lacks."""

    CODE = "code"
    ENROL = "enrol"
    NEW_PASSWORD = "new_password"  # noqa: S105  # a stage, no secret
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Staff:
    """The holder of a sign-in session."""

    session_id: int
    account_id: int
    institution_code: str
    login: str
    name: str
    roles: frozenset[Role]
    stage: Stage
    seen_at: datetime


def open_session(session: Session, account: AccountRow, now: datetime) -> str:
    """Return the cookie token of a new session after the right password."""
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSessionRow(
            institution_code=account.institution_code,
            token_hash=token_hash(token),
            account_id=account.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LONGEST,
        )
    )
    session.flush()
    return token


def staff_of(session: Session, token: str, now: datetime) -> Staff | None:
    """Return who holds a session. Unknown, ended, idle and disabled ones all give None."""
    found = session.execute(
        select(StaffSessionRow, AccountRow)
        .join(AccountRow, AccountRow.id == StaffSessionRow.account_id)
        .where(
            StaffSessionRow.token_hash == token_hash(token),
            StaffSessionRow.ended_at.is_(None),
            StaffSessionRow.expires_at > now,
            StaffSessionRow.last_seen_at > now - IDLE,
            AccountRow.disabled_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        return None
    row, account = found
    roles = frozenset(Role(role) for role in account.roles)
    return Staff(
        session_id=row.id,
        account_id=account.id,
        institution_code=account.institution_code,
        login=account.login,
        name=account.name,
        roles=roles,
        stage=_stage(row, account, roles, now),
        seen_at=row.last_seen_at,
    )


def wants_to_be_seen(staff: Staff, now: datetime) -> bool:
    """Return whether the session's last use is worth a write: once a minute is."""
    return now - staff.seen_at >= _SEEN_AGAIN_AFTER


def see(session: Session, staff: Staff, now: datetime) -> None:
    """Note that a session is used."""
    session.execute(update(StaffSessionRow).where(StaffSessionRow.id == staff.session_id).values(last_seen_at=now))


def pass_second_factor(session: Session, staff: Staff) -> None:
    """Note that the session's holder proved the second factor."""
    session.execute(
        update(StaffSessionRow).where(StaffSessionRow.id == staff.session_id).values(second_factor_passed=True)
    )


def end_session(session: Session, staff: Staff, now: datetime) -> None:
    """End one session."""
    session.execute(update(StaffSessionRow).where(StaffSessionRow.id == staff.session_id).values(ended_at=now))


def end_sessions(session: Session, account: AccountRow, now: datetime) -> None:
    """End every session of an account."""
    session.execute(
        update(StaffSessionRow)
        .where(StaffSessionRow.account_id == account.id, StaffSessionRow.ended_at.is_(None))
        .values(ended_at=now)
    )


def _stage(row: StaffSessionRow, account: AccountRow, roles: frozenset[Role], now: datetime) -> Stage:
    if account.second_factor is not None and not row.second_factor_passed:
        return Stage.CODE
    if account.second_factor is None and needs_second_factor(roles):
        return Stage.ENROL
    if account.password_is_initial or now - account.password_set_at > PASSWORD_LASTS:
        return Stage.NEW_PASSWORD
    return Stage.OPEN
