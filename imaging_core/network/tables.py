"""What is owed to other application entities, and how far a migration from an old PACS has come."""

from datetime import date, datetime

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class StorageCommitmentRow(Base):
    """A request for storage commitment: kept before it is accepted, until its result has been heard."""

    __tablename__ = "storage_commitments"
    __table_args__ = (UniqueConstraint("institution_code", "ae_title", "transaction_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    ae_title: Mapped[str] = mapped_column(String(16))
    transaction_uid: Mapped[str] = mapped_column(String(64))
    instances: Mapped[list[list[str]]] = mapped_column(JSON)
    """SOP Class UID and SOP Instance UID of each."""
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed: Mapped[int] = mapped_column(default=0)
    """Instances that we did not have, as reported."""


class MigratedStudyRow(Base):
    """One study of an old PACS, and whether ours is the same."""

    __tablename__ = "migrated_studies"
    __table_args__ = (UniqueConstraint("institution_code", "source", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    source: Mapped[str] = mapped_column(String(128))
    """AE title, host and port."""
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    study_date: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(16))
    """waiting, complete, missing, differing, failed"""
    theirs: Mapped[int] = mapped_column(default=0)
    """Instances over there."""
    ours: Mapped[int] = mapped_column(default=0)
    missing: Mapped[list[str]] = mapped_column(JSON, default=list)
    """SOP Instance UIDs that are there and not here; the first of them where there are very many."""
    reason: Mapped[str] = mapped_column(String(128), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
