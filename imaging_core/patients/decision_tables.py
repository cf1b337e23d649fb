"""What persons decided about who a study belongs to, so that it can be read and undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class PatientDecisionRow(Base):
    """One decision: who, when, why. Rows are added and marked as undone, never changed otherwise."""

    __tablename__ = "patient_decisions"
    __table_args__ = (Index("ix_patient_decisions_institution", "institution_code", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    kind: Mapped[str] = mapped_column(String(16))
    """assign, move, split, merge."""
    from_patient: Mapped[int | None] = mapped_column(BigInteger)
    """None where the studies were nobody's. No foreign key: a patient made by a split goes when it is undone."""
    to_patient: Mapped[int] = mapped_column(BigInteger)
    made_patient: Mapped[bool] = mapped_column(default=False)
    """The decision registered the patient it gave the studies to."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Visit dates of the surviving patient before a merge; no personal data."""
    actor: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str | None] = mapped_column(String(64))
    undone_reason: Mapped[str | None] = mapped_column(Text)

    movements: Mapped[list["PatientMovementRow"]] = relationship(
        back_populates="decision", order_by="PatientMovementRow.id"
    )


class PatientMovementRow(Base):
    """One row of any table that changed its patient by a decision."""

    __tablename__ = "patient_movements"
    __table_args__ = (Index("ix_patient_movements_row", "table_name", "row_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    decision_id: Mapped[int] = mapped_column(ForeignKey("patient_decisions.id"), index=True)
    table_name: Mapped[str] = mapped_column(String(32))
    row_id: Mapped[str] = mapped_column(String(32))
    """Key of the row as text: some tables count, some draw."""

    decision: Mapped[PatientDecisionRow] = relationship(back_populates="movements")


class LookalikeRow(Base):
    """Two records of one institution that may be one person; a person is asked."""

    __tablename__ = "patient_lookalikes"
    __table_args__ = (UniqueConstraint("first_patient", "second_patient"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18), index=True)
    first_patient: Mapped[int] = mapped_column(BigInteger)
    second_patient: Mapped[int] = mapped_column(BigInteger)
    """The one that was registered later."""
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
