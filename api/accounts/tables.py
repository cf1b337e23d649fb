"""Accounts of staff and their sign-in sessions. Of passwords and session tokens only hashes are kept."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base, BigId
from imaging_core.index.base import UtcDateTime


class AccountRow(Base):
    """One person's account. It is disabled, never deleted: the audit names it for decades."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("institution_code", "login"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    login: Mapped[str] = mapped_column(String(32))
    """Lower case."""
    name: Mapped[str] = mapped_column(String(64))
    department: Mapped[str] = mapped_column(String(64), default="")
    roles: Mapped[list[str]] = mapped_column(JSON)
    requested_roles: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Asked for by who keeps accounts; they count once somebody else granted them."""
    password_hash: Mapped[str] = mapped_column(String(128))
    """Argon2id."""
    password_set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    password_is_initial: Mapped[bool] = mapped_column(default=True)
    """Somebody else knows it: it must be changed before anything else."""
    second_factor: Mapped[bytes | None] = mapped_column(LargeBinary)
    """TOTP secret, sealed to this row; None until one was enrolled."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffSessionRow(Base):
    """One sign-in, held in a cookie."""

    __tablename__ = "staff_sessions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    second_factor_passed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
