"""Doctors' desks on which the desktop shell is installed."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base, BigId
from imaging_core.index.base import UtcDateTime


class WorkstationRow(Base):
    """One desk, as it last reported itself, and what administrators switched on it. It names no person who uses it."""

    __tablename__ = "workstations"
    __table_args__ = (UniqueConstraint("institution_code", "workstation_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    workstation_id: Mapped[str] = mapped_column(String(32))
    """Random, made on the desk at its first start."""
    label: Mapped[str] = mapped_column(String(64))
    """What whoever installed it called the desk."""
    version: Mapped[str] = mapped_column(String(16))
    os: Mapped[str] = mapped_column(String(64))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    wakes: Mapped[int] = mapped_column(default=0)
    """How often a HIS woke it since it was installed, as the desk counts."""
    last_woken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the first report came that counted more of them."""
    history_reminders: Mapped[bool] = mapped_column(default=True)
    duplicate_reminders: Mapped[bool] = mapped_column(default=True)
    switched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    switched_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
