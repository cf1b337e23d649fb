"""Links people hold on paper or in a message, the grants opened with them, and packages to take away.

Only hashes of tokens and codes are kept.
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class LinkRow(Base):
    """One link to one study of one patient."""

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_institution_study", "institution_code", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    link_id: Mapped[str] = mapped_column(String(32), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    """report_qr, share, sms, doctor, citizen."""
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None for a QR on paper, which lasts as long as the paper."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantRow(Base):
    """One grant held in a cookie."""

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    grant_id: Mapped[str] = mapped_column(String(32), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("links.link_id"), index=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    beside_study_uid: Mapped[str | None] = mapped_column(String(64))
    """A second study of the patient, to be compared with the first."""
    rights: Mapped[list[str]] = mapped_column(JSON)
    holder: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ShareRow(Base):
    """What a patient decided of one link of kind `share`."""

    __tablename__ = "shares"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("links.link_id"), unique=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    passcode_hash: Mapped[str | None] = mapped_column(String(128))
    """None where the patient wanted no passcode."""
    rights: Mapped[list[str]] = mapped_column(JSON)
    wrong_tries: Mapped[int] = mapped_column(default=0)
    opened_count: Mapped[int] = mapped_column(default=0)
    last_opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DownloadRow(Base):
    """One study made ready to be taken away as a package, behind an extraction code (提取码)."""

    __tablename__ = "downloads"
    __table_args__ = (Index("ix_downloads_patient_study", "patient_key", "study_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    download_id: Mapped[str] = mapped_column(String(32), unique=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    study_instance_uid: Mapped[str] = mapped_column(String(64))
    code_hash: Mapped[str] = mapped_column(String(128))
    tries: Mapped[int] = mapped_column(default=0)
    """Since the last right code."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
