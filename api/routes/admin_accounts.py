"""Accounts of staff: one administrator keeps them, another grants their roles (decisions/006)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.accounts.passwords import hash_password, initial_password
from api.accounts.roles import Role
from api.accounts.sessions import Staff
from api.accounts.store import (
    disable_account,
    request_account,
    reset_account,
    roles_of,
    set_roles,
    suspend_powers,
)
from api.accounts.tables import AccountRow, StaffSessionRow
from api.audit.record import record
from api.auth.access import CurrentServices, CurrentStaff, allow, staff, staff_actor
from api.errors import Problem
from api.schemas import admin_accounts as schema
from api.settings import Settings
from api.wiring import Services

AccountId = Annotated[int, Path(ge=1, le=2**31 - 1)]
_SHOWN = 200

KEEPS = allow(staff(Role.SYSTEM_ADMINISTRATOR))
_GRANTS = allow(staff(Role.SECURITY_ADMINISTRATOR))
_EITHER = allow(staff(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR))


class AccountState(StrEnum):
    """Where an account stands."""

    WAITING = "waiting"
    ACTIVE = "active"
    DISABLED = "disabled"


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of accounts."""
    router = APIRouter(prefix="/api/admin/accounts", tags=["admin: accounts"])
    _add_reading(router)
    _add_keeping(router)
    _add_granting(router)
    return router


def _add_reading(router: APIRouter) -> None:
    @router.get("", dependencies=_EITHER)
    def accounts(
        services: CurrentServices,
        q: Annotated[str, Query(max_length=60)] = "",
        state: AccountState | None = None,
        role: Role | None = None,
    ) -> schema.AccountList:
        """List accounts by word, state and role: those that wait for a grant first, then by login."""
        code = services.settings.hospital.institution_code
        with services.database.reading() as session:
            rows = session.scalars(select(AccountRow).where(AccountRow.institution_code == code)).all()
            seen = _last_seen(session, code)
        wanted = q.strip().lower()
        found = [
            row
            for row in rows
            if wanted in f"{row.login} {row.name} {row.department}".lower()
            and state in (None, _state(row))
            and (role is None or role in {*row.roles, *row.requested_roles})
        ]
        found.sort(key=lambda row: (_state(row) is not AccountState.WAITING, row.login))
        return schema.AccountList(
            total=len(found),
            waiting=sum(_state(row) is AccountState.WAITING for row in rows),
            accounts=[account_out(row, seen.get(row.id)) for row in found[:_SHOWN]],
        )


def _add_keeping(router: APIRouter) -> None:
    @router.post("", status_code=201, dependencies=KEEPS)
    def create(body: schema.NewAccount, services: CurrentServices, who: CurrentStaff) -> schema.HandedOut:
        """Add an account; it may do nothing until its roles are granted."""
        password = initial_password()
        kept, now = hash_password(password), services.clock()
        with services.database.writing() as session:
            row = request_account(
                session,
                institution_code=services.settings.hospital.institution_code,
                login=body.login,
                name=body.name,
                department=body.department,
                requested_roles=set(body.requested_roles),
                password_hash=kept,
                now=now,
            )
            record_account(session, who, row, "account.created", now, {"requested_roles": row.requested_roles})
        return schema.HandedOut(account=account_out(row, None), initial_password=password)

    @router.post("/{account}/reset", dependencies=KEEPS)
    def reset(account: AccountId, services: CurrentServices, who: CurrentStaff) -> schema.HandedOut:
        """Hand out a new initial password and forget the second factor; opens a disabled account again."""
        password, now = initial_password(), services.clock()
        with services.database.writing() as session:
            row = _account_of_another(services, session, account, who)
            _keep_one_who_grants(session, row)
            before = row.roles
            reset_account(session, row, password, now)
            suspend_powers(row)
            detail = {"roles_waiting": before} if row.roles != before else {}
            record_account(session, who, row, "account.reset", now, detail)
        return schema.HandedOut(account=account_out(row, None), initial_password=password)

    @router.post("/{account}/disable", dependencies=_EITHER)
    def disable(account: AccountId, services: CurrentServices, who: CurrentStaff) -> schema.AccountOut:
        """Shut an account at once; it stays in the audit."""
        now = services.clock()
        with services.database.writing() as session:
            row = _account_of_another(services, session, account, who)
            _keep_one_who_grants(session, row)
            disable_account(session, row, now)
            record_account(session, who, row, "account.disabled", now)
        return account_out(row, None)


def _add_granting(router: APIRouter) -> None:
    @router.put("/{account}/roles", dependencies=_GRANTS)
    def grant(
        account: AccountId, body: schema.RolesIn, services: CurrentServices, who: CurrentStaff
    ) -> schema.AccountOut:
        """Say what an account may be used for; whatever was asked for beyond that is refused."""
        now = services.clock()
        with services.database.writing() as session:
            row = _account_of_another(services, session, account, who)
            before = row.roles
            set_roles(session, row, set(body.roles), now)
            record_account(session, who, row, "account.roles_set", now, {"before": before, "roles": row.roles})
        return account_out(row, None)


def account_out(row: AccountRow, seen_at: datetime | None) -> schema.AccountOut:
    """Return an account as the page shows it."""
    return schema.AccountOut(
        id=row.id,
        login=row.login,
        name=row.name,
        department=row.department,
        roles=sorted(roles_of(row)),
        requested_roles=sorted(Role(role) for role in row.requested_roles),
        created_at=row.created_at,
        last_seen_at=seen_at,
        disabled=row.disabled_at is not None,
        second_factor=row.second_factor is not None,
        password_is_initial=row.password_is_initial,
    )


def record_account(
    session: Session,
    who: Staff,
    row: AccountRow,
    action: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note in the audit what was done to an account."""
    record(
        session,
        staff_actor(who),
        action,
        object_kind="account",
        object_id=f"account:{row.id}",
        now=now,
        detail=detail,
    )


def _state(row: AccountRow) -> AccountState:
    if row.disabled_at is not None:
        return AccountState.DISABLED
    return AccountState.WAITING if row.requested_roles else AccountState.ACTIVE


def _last_seen(session: Session, code: str) -> dict[int, datetime]:
    newest = func.max(StaffSessionRow.last_seen_at, type_=StaffSessionRow.last_seen_at.type)
    by_account = (
        select(StaffSessionRow.account_id, newest)
        .where(StaffSessionRow.institution_code == code)
        .group_by(StaffSessionRow.account_id)
    )
    return dict(session.execute(by_account).all())


def _account_of_another(services: Services, session: Session, account: int, who: Staff) -> AccountRow:
    row = session.get(AccountRow, account, with_for_update=True)
    if row is None or row.institution_code != services.settings.hospital.institution_code:
        raise Problem(404, "not_found")
    if row.id == who.account_id:
        raise Problem(403, "own_account")
    return row


def _keep_one_who_grants(session: Session, row: AccountRow) -> None:
    """Refuse to shut out the last one who could grant a role: nobody could undo it from here."""
    grants = Role.SECURITY_ADMINISTRATOR
    others = session.scalars(
        select(AccountRow).where(
            AccountRow.institution_code == row.institution_code,
            AccountRow.id != row.id,
            AccountRow.disabled_at.is_(None),
        )
    )
    if grants in roles_of(row) and row.disabled_at is None and not any(grants in roles_of(other) for other in others):
        raise Problem(409, "last_who_grants")
