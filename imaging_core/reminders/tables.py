"""Orders that were checked, what a doctor decided, and a receipt of every check."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class OrderCheckRow(Base):
    """One order, from its first check to the decision. Its id is the `view_record_id` that ties all of it together."""

    __tablename__ = "order_checks"
    __table_args__ = (
        Index("ix_order_checks_order", "institution_code", "order_key"),
        Index("ix_order_checks_patient", "institution_code", "patient_id", "checked_at"),
        Index("ix_order_checks_doctor", "institution_code", "ordered_by", "checked_at"),
    )

    view_record_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    """Of the hospital that orders."""
    patient_id: Mapped[str] = mapped_column(String(64))
    encounter_id: Mapped[str] = mapped_column(String(64))
    encounter_class: Mapped[str] = mapped_column(String(16))
    ordered_by: Mapped[str] = mapped_column(String(64))
    """The HIS's own id of the doctor."""
    order_key: Mapped[str] = mapped_column(String(64))
    """Digest of patient, encounter and ordered items: selecting and signing are one order."""
    elsewhere: Mapped[str] = mapped_column(String(16))
    """not_connected, answered, late, failed, no_identity: what came of asking other places at the last check."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)

    items: Mapped[list["OrderItemRow"]] = relationship(
        back_populates="check", cascade="all, delete-orphan", order_by="OrderItemRow.id"
    )


class OrderItemRow(Base):
    """One ordered item, what was found of it, and the decision."""

    __tablename__ = "order_items"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    view_record_id: Mapped[str] = mapped_column(ForeignKey("order_checks.view_record_id"), index=True)
    card_id: Mapped[str] = mapped_column(String(36), unique=True)
    order_id: Mapped[str] = mapped_column(String(128))
    """As the HIS calls it."""
    name: Mapped[str] = mapped_column(String(512))
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    level: Mapped[str] = mapped_column(String(8))
    asks_reason: Mapped[bool]
    priors: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What was shown, strongest first."""
    decision: Mapped[str | None] = mapped_column(String(8))
    """accept, repeat"""
    reason: Mapped[str | None] = mapped_column(String(24))
    comment: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    check: Mapped[OrderCheckRow] = relationship(back_populates="items")


class OrderReceiptRow(Base):
    """That an order was checked (开单回执): one a check, also when nothing was found."""

    __tablename__ = "order_receipts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    view_record_id: Mapped[str] = mapped_column(ForeignKey("order_checks.view_record_id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    """order-select, order-sign, orm"""
    level: Mapped[str] = mapped_column(String(8))
    prior_count: Mapped[int]
    elsewhere: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
