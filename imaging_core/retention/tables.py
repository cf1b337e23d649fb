"""Visits that start terms, legal holds, disposal plans, and what is left of a study that was disposed of."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class VisitRow(Base):
    """One visit or discharge the hospital told of: which kind, on which day. None is ever taken back."""

    __tablename__ = "retention_visits"
    __table_args__ = (UniqueConstraint("patient_key", "day", "encounter_class", "discharge"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    day: Mapped[date]
    """The hospital's day."""
    encounter_class: Mapped[str] = mapped_column(String(16), default="")
    """outpatient, emergency, inpatient, checkup; empty where it is not known."""
    discharge: Mapped[bool] = mapped_column(default=False)


class HoldRow(Base):
    """A legal hold (法律保留): a study, or all studies of a patient, is not disposed of until it is released."""

    __tablename__ = "retention_holds"
    __table_args__ = (
        Index("ix_retention_holds_study", "institution_code", "study_instance_uid"),
        Index("ix_retention_holds_patient", "institution_code", "patient_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    hold_key: Mapped[str] = mapped_column(String(32), unique=True)
    study_instance_uid: Mapped[str | None] = mapped_column(String(64))
    patient_id: Mapped[str | None] = mapped_column(String(64))
    """The hospital's number: it holds what comes later too."""
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(String(64))
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_by: Mapped[str | None] = mapped_column(String(64))
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    release_reason: Mapped[str] = mapped_column(Text, default="")


class DisposalPlanRow(Base):
    """Studies that one person proposes to dispose of and another approves."""

    __tablename__ = "disposal_plans"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    plan_key: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    """proposed, rejected, approved, running, done."""
    as_of: Mapped[date]
    """The day on which the terms were over."""
    policy_version: Mapped[str] = mapped_column(String(32))
    content_digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of all lines: what was approved is what is disposed of."""
    studies: Mapped[int]
    instances: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision_reason: Mapped[str] = mapped_column(Text, default="")
    started_by: Mapped[str | None] = mapped_column(String(64))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PlannedStudyRow(Base):
    """One line of a plan: a study, and why its term is over."""

    __tablename__ = "disposal_plan_studies"
    __table_args__ = (UniqueConstraint("plan_id", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    plan_id: Mapped[int] = mapped_column(ForeignKey("disposal_plans.id"))
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    accession_number: Mapped[str] = mapped_column(String(64), default="")
    study_date: Mapped[date | None]
    keep_until: Mapped[date]
    counted_from: Mapped[date]
    years: Mapped[int]
    encounter_class: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(16))
    policy_version: Mapped[str] = mapped_column(String(32))
    instances: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    instances_digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 over the SHA-256s of its instances: an image that came later is not disposed of with it."""
    state: Mapped[str] = mapped_column(String(16), default="planned")
    """planned, disposed, dropped."""
    dropped_because: Mapped[str] = mapped_column(String(16), default="")
    """held, rearmed, changed, gone: what was found when the plan was carried out."""
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DisposedStudyRow(Base):
    """The tombstone of a study: what proves that it was disposed of rightly, and nothing of the patient."""

    __tablename__ = "disposed_studies"
    __table_args__ = (Index("ix_disposed_studies_study", "institution_code", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    accession_number: Mapped[str] = mapped_column(String(64), default="")
    plan_key: Mapped[str] = mapped_column(String(32), index=True)
    policy_version: Mapped[str] = mapped_column(String(32))
    keep_until: Mapped[date]
    made_by: Mapped[str] = mapped_column(String(64))
    approved_by: Mapped[str] = mapped_column(String(64))
    approved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    came_again_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When images of this UID came anew: they are kept as any other, and somebody should know."""


class DisposedInstanceRow(Base):
    """The tombstone of an instance."""

    __tablename__ = "disposed_instances"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    disposed_study_id: Mapped[int] = mapped_column(ForeignKey("disposed_studies.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    """Empty for a document."""
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)


class PendingRemovalRow(Base):
    """Bytes no row names any more, which the blob store still has to give up."""

    __tablename__ = "pending_removals"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    plan_key: Mapped[str] = mapped_column(String(32))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    # not called as in other tables: a backup copies what is called so
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    locator: Mapped[str] = mapped_column(String(256), index=True)
    is_instance: Mapped[bool]
    since: Mapped[datetime] = mapped_column(UtcDateTime)
