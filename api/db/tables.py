"""Tables of the service itself: machine keys, consent, conversations, papers, recent patients, audit, work to do.

They meet the archive's tables by UID or opaque key, never by foreign key.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from imaging_core.index.base import Base as ArchiveBase
from imaging_core.index.base import UtcDateTime

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of the service's tables."""

    metadata = MetaData(naming_convention=ArchiveBase.metadata.naming_convention)


class MachineKeyRow(Base):
    """A key by which a machine (PACS, HIS) calls; only its hash is kept."""

    __tablename__ = "machine_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    name: Mapped[str] = mapped_column(String(64))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConsentRow(Base):
    """One statement of consent or its withdrawal. Rows are added, never changed: the newest counts."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_patient_purpose", "institution_code", "patient_key", "purpose"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(BigInteger)
    purpose: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(32))
    given: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConversationRow(Base):
    """One conversation about one report."""

    __tablename__ = "conversations"
    __table_args__ = (UniqueConstraint("institution_code", "patient_key", "report_key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(BigInteger)
    report_key: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AnswerRow(Base):
    """A question, the answer given, and all that is needed to replay it."""

    __tablename__ = "answers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    conversation_id: Mapped[str] = mapped_column(String(32), index=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    model: Mapped[str | None] = mapped_column(String(128))
    prompt_version: Mapped[str | None] = mapped_column(String(64))
    knowledge_version: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    helpful: Mapped[bool | None]
    comment: Mapped[str | None] = mapped_column(Text)


class PaperRow(Base):
    """A photographed report: the patient's own, apart from the hospital's archive.

    The picture is kept in the row so that deleting it deletes it, on every host at once.
    """

    __tablename__ = "papers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_key: Mapped[int] = mapped_column(BigInteger, index=True)
    state: Mapped[str] = mapped_column(String(16))
    """reading, read, refused, confirmed"""
    reason: Mapped[str | None] = mapped_column(Text)
    upload: Mapped[bytes | None] = mapped_column(LargeBinary)
    """As uploaded; dropped once the upright picture exists."""
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Upright JPEG without EXIF."""
    reading: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    confirmed: Mapped[dict[str, str] | None] = mapped_column(JSON)
    owner_mismatch: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecentPatientRow(Base):
    """When a doctor last had a patient before them in the plugin."""

    __tablename__ = "recent_patients"

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    patient_key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    institution_code: Mapped[str] = mapped_column(String(18))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class WorkRow(Base):
    """Work owed to a study because the change feed said so. It outlives the queue: a lost queue loses nothing."""

    __tablename__ = "work"
    __table_args__ = (UniqueConstraint("kind", "institution_code", "subject"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16))
    """derive, read_paper"""
    institution_code: Mapped[str] = mapped_column(String(18))
    subject: Mapped[str] = mapped_column(String(64))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    generation: Mapped[int] = mapped_column(default=1)
    """Raised when the subject changes again, so that a job that began earlier does not settle it."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)


class AuditEventRow(Base):
    """Who did what to which object, when, and with what outcome. Written in the transaction of the act."""

    __tablename__ = "audit_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    """patient, share, machine, staff, system, anonymous"""
    actor: Mapped[str] = mapped_column(String(64))
    """Opaque id of a grant, key or account; never a name."""
    action: Mapped[str] = mapped_column(String(48))
    object_kind: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(16))
    """success, refused, failed"""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditLinkRow(Base):
    """One link of the audit chain: seals one event together with all before it."""

    __tablename__ = "audit_links"

    sequence: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    event_id: Mapped[str] = mapped_column(String(32), unique=True)
    seal: Mapped[str] = mapped_column(String(64))
    """HMAC-SHA256(key, previous seal ‖ canonical event), hexadecimal."""
