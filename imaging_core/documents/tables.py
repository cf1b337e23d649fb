"""Documents of a study, and laboratory results of a patient."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class DocumentRow(Base):
    """One e-report as it was uploaded."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("institution_code", "study_instance_uid", "blob_digest"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    document_key: Mapped[str] = mapped_column(String(32), unique=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(128))
    media_type: Mapped[str] = mapped_column(String(32))
    blob_digest: Mapped[str] = mapped_column(String(64))
    blob_locator: Mapped[str] = mapped_column(String(256))
    blob_size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LaboratoryResultRow(Base):
    """One line of a laboratory report (检验结果)."""

    __tablename__ = "laboratory_results"
    __table_args__ = (
        UniqueConstraint("institution_code", "patient_key", "report_number", "item_code"),
        Index("ix_laboratory_results_patient_observed", "patient_key", "observed_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    report_number: Mapped[str] = mapped_column(String(64))
    panel: Mapped[str] = mapped_column(String(128), default="")
    position: Mapped[int] = mapped_column(default=0)
    item_code: Mapped[str] = mapped_column(String(64))
    item_name: Mapped[str] = mapped_column(String(128))
    value: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(String(32), default="")
    reference_range: Mapped[str] = mapped_column(String(128), default="")
    flag: Mapped[str] = mapped_column(String(8), default="")
    """As sent: H, L, HH, LL, ↑, ↓, 阳性 or empty."""
    observed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
