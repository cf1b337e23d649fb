"""The patient index (患者主索引)."""

from datetime import date, datetime

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId


class PatientRow(Base):
    """One patient of one institution.

    Names stay readable because doctors search by them. Phone and resident ID number exist only
    sealed (`FieldCipher`, bound to this row) and as blind index.
    """

    __tablename__ = "patients"
    __table_args__ = (
        UniqueConstraint("institution_code", "patient_id"),
        Index("ix_patients_institution_name", "institution_code", "name"),
        Index("ix_patients_institution_pinyin", "institution_code", "name_pinyin"),
        Index("ix_patients_institution_initials", "institution_code", "name_initials"),
        Index("ix_patients_institution_phone", "institution_code", "phone_index"),
        Index("ix_patients_institution_id_number", "institution_code", "id_number_index"),
        Index("ix_patients_id_number", "id_number_index"),  # one person at several institutions
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_id: Mapped[str] = mapped_column(String(64))
    """The hospital's own number; equals PatientID (0010,0020) of its images."""
    name: Mapped[str] = mapped_column(String(128))
    name_pinyin: Mapped[str] = mapped_column(String(512), default="")
    name_initials: Mapped[str] = mapped_column(String(128), default="")
    sex: Mapped[str] = mapped_column(String(1), default="")
    """M, F, O or empty, as in PatientSex (0010,0040)."""
    birth_date: Mapped[date | None]
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[str | None] = mapped_column(String(64))
    id_number_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number_index: Mapped[str | None] = mapped_column(String(64))
    encounter_class: Mapped[str | None] = mapped_column(String(16))
    """Of the last visit: outpatient, emergency, inpatient, checkup."""
    last_visit_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    discharged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Last discharge; with `last_visit_at` it starts the retention clock."""
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
