"""Normalised values, findings, devices and the rules about them: beside the index, made anew from the bytes at will.

Only the device rules are what persons decided; all else can be deleted and is made again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class NormalisedStudyRow(Base):
    """One study: what its images say of patient and examination, and whether that is up to date."""

    __tablename__ = "normalised_studies"
    __table_args__ = (UniqueConstraint("institution_code", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(index=True, default=0)
    """Of the rules in the package that made it; 0 when it is to be made again."""
    requested: Mapped[int] = mapped_column(default=0)
    """Counts how often it was asked to be made again, so that who is at it notices."""
    normalised_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    modalities: Mapped[list[str]] = mapped_column(JSON, default=list)
    body_parts: Mapped[list[str]] = mapped_column(JSON, default=list)
    values: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """`Value` of each field of the study."""


class NormalisedSeriesRow(Base):
    """One series, by its first instance."""

    __tablename__ = "normalised_series"
    __table_args__ = (
        UniqueConstraint("study_id", "series_instance_uid"),
        Index("ix_normalised_series_device", "institution_code", "device_key", "has_findings"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_id: Mapped[int] = mapped_column(ForeignKey("normalised_studies.id", ondelete="CASCADE"), index=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64))
    device_key: Mapped[str] = mapped_column(String(32))
    ae_title: Mapped[str] = mapped_column(String(64), default="")
    """Who sent it by C-STORE; empty for other ways."""
    modality: Mapped[str] = mapped_column(String(16), default="")
    body_part: Mapped[str] = mapped_column(String(128), default="")
    charset_declared: Mapped[str] = mapped_column(String(128), default="")
    charset_rule: Mapped[str] = mapped_column(String(16), default="")
    has_findings: Mapped[bool] = mapped_column(default=False)
    """Other than those that a rule mended."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    values: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class FindingRow(Base):
    """One finding, as long as the images give cause for it."""

    __tablename__ = "normalisation_findings"
    __table_args__ = (
        UniqueConstraint("study_id", "series_instance_uid", "code", "field"),
        Index("ix_normalisation_findings_code", "institution_code", "code", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_id: Mapped[int] = mapped_column(ForeignKey("normalised_studies.id", ondelete="CASCADE"))
    series_instance_uid: Mapped[str] = mapped_column(String(64), default="")
    """Empty when it is of the whole study."""
    code: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(8))
    field: Mapped[str] = mapped_column(String(64))
    raw: Mapped[str] = mapped_column(Text, default="")
    """May be personal data: for those who may see the study."""
    proposal: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class DeviceRow(Base):
    """A device, discovered from its images."""

    __tablename__ = "devices"
    __table_args__ = (UniqueConstraint("institution_code", "device_key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    device_key: Mapped[str] = mapped_column(String(32))
    station_name: Mapped[str] = mapped_column(String(64), default="")
    manufacturer: Mapped[str] = mapped_column(String(64), default="")
    model_name: Mapped[str] = mapped_column(String(64), default="")
    serial_number: Mapped[str] = mapped_column(String(64), default="")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeviceRuleRow(Base):
    """One version of a rule. Versions are only added: the last one holds, an older one can be put back."""

    __tablename__ = "device_rules"
    __table_args__ = (UniqueConstraint("institution_code", "rule_key", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    rule_key: Mapped[str] = mapped_column(String(32))
    version: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    name: Mapped[str] = mapped_column(String(64))
    rule: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[int] = mapped_column(BigId)
    """Account of the administrator."""
