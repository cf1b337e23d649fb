"""Messages taken, so that a repeated one has no second effect."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class Hl7MessageRow(Base):
    """One message that was filed or put into quarantine; refused ones leave no row."""

    __tablename__ = "hl7_messages"
    __table_args__ = (
        UniqueConstraint("institution_code", "digest"),
        Index("ix_hl7_messages_institution_patient", "institution_code", "outcome", "patient_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the bytes, control id included."""
    control_id: Mapped[str] = mapped_column(String(199))
    message_type: Mapped[str] = mapped_column(String(16))
    patient_id: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    """filed, quarantined."""
    quarantine_id: Mapped[int | None] = mapped_column(ForeignKey("quarantine.id"))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
