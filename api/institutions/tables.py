"""The province's list of institutions, as it was imported."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base, BigId
from imaging_core.index.base import UtcDateTime


class InstitutionRow(Base):
    """One institution of the list. `institution_code` is ours, `listed_code` its own."""

    __tablename__ = "listed_institutions"
    __table_args__ = (UniqueConstraint("institution_code", "listed_code"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    listed_code: Mapped[str] = mapped_column(String(18))
    """统一社会信用代码, by which the platform names institutions too."""
    name: Mapped[str] = mapped_column(String(128))
    area: Mapped[str] = mapped_column(String(64))
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
