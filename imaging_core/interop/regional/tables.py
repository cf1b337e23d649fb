"""What became of registering each study with the regional platform, and of telling it each order."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class RegistrationRow(Base):
    """One study and how far its registration is. The row stands before anything is sent, and so does its key."""

    __tablename__ = "platform_registrations"
    __table_args__ = (
        UniqueConstraint("institution_code", "study_instance_uid"),
        Index("ix_platform_registrations_state", "institution_code", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    examination_id: Mapped[str] = mapped_column(String(32), unique=True)
    """Our key of the study on the platform: the same for every attempt, and says nothing to anybody."""
    state: Mapped[str] = mapped_column(String(16))
    """waiting, registered, incomplete, refused, withdrawn."""
    reason: Mapped[str] = mapped_column(String(64), default="")
    """What is missing, the platform's code, or the name of the last fault; never data."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Failed ones since the last success."""
    report_key: Mapped[str] = mapped_column(String(32), default="")
    report_version: Mapped[int] = mapped_column(default=0)
    content_digest: Mapped[str] = mapped_column(String(64), default="")
    """Of what the platform has; empty while it has nothing."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    registered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OrderTellingRow(Base):
    """One checked order and how far the platform knows of it. Written with the check or the decision it tells of."""

    __tablename__ = "platform_orders"
    __table_args__ = (Index("ix_platform_orders_state", "institution_code", "state"),)

    view_record_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Of the order's check; the platform is offered it as its own."""
    institution_code: Mapped[str] = mapped_column(String(18))
    state: Mapped[str] = mapped_column(String(16))
    """waiting, told, incomplete, refused."""
    reason: Mapped[str] = mapped_column(String(64), default="")
    """What is missing, the platform's code, or the name of the last fault; never data."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Failed ones since the last success."""
    platform_record_id: Mapped[str] = mapped_column(String(64), default="")
    """Under what the platform keeps it: ours, unless it gives its own; empty until the notice was answered."""
    content_digest: Mapped[str] = mapped_column(String(64), default="")
    """Of the receipt that the platform has; empty while it has none."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
