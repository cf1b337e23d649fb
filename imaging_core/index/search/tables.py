"""What searching needs beside the studies themselves. Kept in step with them by `upkeep`; never written elsewhere."""

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base
from imaging_core.index.search.names import LONGEST

# Compared byte by byte on every database, so that a beginning is a range of the index.
_Text = String(LONGEST).with_variant(String(LONGEST, collation="C"), "postgresql")


class StudyNameRow(Base):
    """One text under which a study is found by its patient's name."""

    __tablename__ = "study_names"
    __table_args__ = (
        Index("ix_study_names_text", "institution_code", "inner", "text", "study_day", "study_id"),
        {"sqlite_with_rowid": False},
    )

    study_id: Mapped[int] = mapped_column(
        ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    inner: Mapped[bool] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(_Text, primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_day: Mapped[int] = mapped_column(Integer)


class StudyModalityRow(Base):
    """One modality of a study."""

    __tablename__ = "study_modalities"
    __table_args__ = (
        Index("ix_study_modalities_modality", "institution_code", "modality", "study_day", "study_id"),
        {"sqlite_with_rowid": False},
    )

    study_id: Mapped[int] = mapped_column(
        ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    modality: Mapped[str] = mapped_column(String(16), primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_day: Mapped[int] = mapped_column(Integer)
