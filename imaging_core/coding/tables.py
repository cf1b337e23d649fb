"""What the hospital's own items stand for, once a person has looked."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class CodeMappingRow(Base):
    """One item of the hospital's own (院内项目), imported or decided. Items that only came in need no row."""

    __tablename__ = "code_mappings"
    __table_args__ = (
        UniqueConstraint("institution_code", "local_code", "name_key"),
        Index("ix_code_mappings_name", "institution_code", "name_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    local_code: Mapped[str] = mapped_column(String(128))
    """Empty where an item arrives by its name alone."""
    local_name: Mapped[str] = mapped_column(String(512))
    name_key: Mapped[str] = mapped_column(String(512))
    """`mappings.name_key` of the name: a code that gets another name is another item, which nobody has looked at."""
    proposed: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What an imported list says; it counts no more than the parser's guess."""
    confirmed: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """The standard items a person confirmed, each with its code; empty: none yet."""
    catalogue_version: Mapped[str] = mapped_column(String(32), default="")
    """Of the codes in `confirmed`."""
    changed: Mapped[bool] = mapped_column(default=False)
    """The person chose others than were suggested."""
    version: Mapped[int] = mapped_column(default=1)
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    """Account of who decided last."""
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
