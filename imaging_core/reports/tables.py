"""Reports and their versions. Paper reports that patients photograph are kept elsewhere."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class ReportRow(Base):
    """One report of one institution, matched to its study or waiting for it."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("institution_code", "patient_key", "source_id"),
        Index("ix_reports_institution_study", "institution_code", "study_instance_uid"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    report_key: Mapped[str] = mapped_column(String(32), unique=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    source_id: Mapped[str] = mapped_column(String(128))
    """What the sender calls the report; the same for all versions."""
    study_instance_uid: Mapped[str | None] = mapped_column(String(64))
    """The study it was matched to; None while it waits."""
    expected_study_instance_uid: Mapped[str | None] = mapped_column(String(64))
    accession_number: Mapped[str] = mapped_column(String(64), default="")
    exam_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    versions: Mapped[list["ReportVersionRow"]] = relationship(
        back_populates="report", cascade="all, delete-orphan", order_by="ReportVersionRow.version"
    )


class ReportVersionRow(Base):
    """What one message said. Never changed afterwards."""

    __tablename__ = "report_versions"
    __table_args__ = (UniqueConstraint("report_id", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    outdated: Mapped[bool] = mapped_column(default=False)
    """Arrived after a version that was issued later; kept, never shown."""
    exam_code: Mapped[str] = mapped_column(String(128), default="")
    exam_item: Mapped[str] = mapped_column(String(512), default="")
    findings: Mapped[str] = mapped_column(Text, default="")
    impression: Mapped[str] = mapped_column(Text, default="")
    reporting_physician: Mapped[str] = mapped_column(String(128), default="")
    verifying_physician: Mapped[str] = mapped_column(String(128), default="")
    examined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    critical: Mapped[bool | None]
    source_digest: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    report: Mapped[ReportRow] = relationship(back_populates="versions")
