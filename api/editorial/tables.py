"""Drafts and published versions of knowledge, and words that nobody explains yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base, BigId
from imaging_core.index.base import UtcDateTime

_OPEN = text("state <> 'published'")


class DraftRow(Base):
    """A text on its way; an entry has at most one that is not published."""

    __tablename__ = "knowledge_drafts"
    __table_args__ = (
        Index(
            "uq_knowledge_drafts_open",
            "institution_code",
            "entry_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    draft_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    entry_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    based_on: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int]
    writers: Mapped[list[int]] = mapped_column(JSON)
    author: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VersionRow(Base):
    """A published version. Rows are added, never changed."""

    __tablename__ = "knowledge_versions"
    __table_args__ = (
        UniqueConstraint("institution_code", "entry_id", "version"),
        UniqueConstraint("institution_code", "revision", name="uq_knowledge_versions_revision"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    revision: Mapped[int]
    """Counts all publications of the institution without gaps: who knows the last number knows them all."""
    entry_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    version: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    writers: Mapped[list[int]] = mapped_column(JSON)
    author: Mapped[str] = mapped_column(String(64))
    reviewer_id: Mapped[int] = mapped_column(BigId)
    reviewer: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    restored_from: Mapped[int | None]


class UnexplainedWordRow(Base):
    """A hard word without an entry: how often it stood in reports and in questions. Of whom, nobody can tell."""

    __tablename__ = "unexplained_words"
    __table_args__ = (UniqueConstraint("institution_code", "word"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    word: Mapped[str] = mapped_column(String(32))
    in_reports: Mapped[int] = mapped_column(default=0)
    in_questions: Mapped[int] = mapped_column(default=0)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
