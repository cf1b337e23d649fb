"""Accounts of the demo's staff. Their passwords follow from the installation's keys: shown on /demo, kept nowhere."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy.orm import Session

from api.accounts.passwords import hash_password, password_matches
from api.accounts.roles import Role, needs_second_factor
from api.accounts.second_factor import new_secret, open_secret, seal_secret
from api.accounts.sessions import PASSWORD_LASTS, end_sessions
from api.accounts.store import create_account, find_account
from api.accounts.tables import AccountRow
from api.wiring import Services


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One account of the demo."""

    login: str
    name: str
    role: Role
    duty: str


PEOPLE = (
    DemoPerson("bianji", "卞编辑", Role.AUTHOR, "内容编辑"),
    DemoPerson("shenhe", "沈审核", Role.REVIEWER, "内容审核"),
    DemoPerson("yisheng", "易医生", Role.DOCTOR, "医生"),
    DemoPerson("xitong", "习系统", Role.SYSTEM_ADMINISTRATOR, "系统管理员"),
    DemoPerson("anquan", "安安全", Role.SECURITY_ADMINISTRATOR, "安全管理员"),
    DemoPerson("shenji", "申审计", Role.AUDITOR, "审计员"),
)


def demo_password(services: Services, login: str) -> str:
    """Return the password of a demo account: the same each time, another in every installation."""
    digest = hmac.new(services.keys.link, b"demo account " + login.encode(), hashlib.sha256).digest()
    return "Yanshi-9" + base64.b32encode(digest).decode().lower()[:8]


def ensure_accounts(services: Services) -> None:
    """Make the demo's accounts, and mend those whose password a visitor changed or whose time ran out."""
    now = services.clock()
    with services.database.writing() as session:
        for person in PEOPLE:
            account = _account(services, session, person, now)
            password = demo_password(services, person.login)
            expired = now - account.password_set_at >= PASSWORD_LASTS / 2
            if expired or not password_matches(account.password_hash, password):
                account.password_hash, account.password_set_at = hash_password(password), now
                end_sessions(session, account, now)
            account.password_is_initial = False
            account.disabled_at = None
            if account.second_factor is None and needs_second_factor({person.role}):
                account.second_factor = seal_secret(services.cipher, new_secret(), account_id=account.id)


def present_code(services: Services, account: AccountRow, now: datetime) -> str | None:
    """Return the six digits an authenticator would show now; None where the account needs none."""
    if account.second_factor is None:
        return None
    secret = open_secret(services.cipher, account.second_factor, account_id=account.id)
    return pyotp.TOTP(secret).at(now)


def _account(services: Services, session: Session, person: DemoPerson, now: datetime) -> AccountRow:
    code = services.settings.hospital.institution_code
    found = find_account(session, code, person.login)
    return found or create_account(
        session,
        institution_code=code,
        login=person.login,
        name=person.name,
        roles={person.role},
        password=demo_password(services, person.login),
        now=now,
    )
