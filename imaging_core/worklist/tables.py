"""What persons decided about items of the work list."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class WorklistDecisionRow(Base):
    """One remedy that was applied: to what, by whom, why, and all that is needed to undo it."""

    __tablename__ = "worklist_decisions"
    __table_args__ = (
        Index("ix_worklist_decisions_institution", "institution_code", "id"),
        Index("ix_worklist_decisions_item", "institution_code", "kind", "subject"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    kind: Mapped[str] = mapped_column(String(24))
    """Of the item."""
    subject: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(64))
    """What the item was when it was decided: an ignored item comes back when it becomes another one."""
    remedy: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    patient_decision: Mapped[int | None] = mapped_column(BigInteger)
    """The decision about patients this one is, where it is one."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What undoing puts back: keys of rows, UIDs; no personal data."""
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str | None] = mapped_column(String(64))
    undone_reason: Mapped[str | None] = mapped_column(Text)
