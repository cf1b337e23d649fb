"""What the upkeep of stored bytes has found, and how far it has come."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class UpkeepRow(Base):
    """Cursor and figures of one task: scrub, replica, growth, tiers. It belongs to the whole store."""

    __tablename__ = "upkeep"

    task: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DamageRow(Base):
    """A copy of a blob that was not what it should be, and what became of it."""

    __tablename__ = "blob_damages"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    copy: Mapped[str] = mapped_column(String(16))
    """primary or replica."""
    fault: Mapped[str] = mapped_column(String(16))
    """missing, changed or unreadable."""
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    repaired_from: Mapped[str] = mapped_column(String(16), default="")
    """primary, replica or backup; empty: it could not be repaired."""
    repaired_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class SegmentRow(Base):
    """A segment that left the disk, is on its way, or came back."""

    __tablename__ = "segment_places"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    """cold, wanted (asked back), hot (came back)."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
