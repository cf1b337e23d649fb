"""The patient index (患者主索引)."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaging_core.index.base import Base, UtcDateTime
from imaging_core.index.tables import BigId

NAME_KEY_LENGTH = 64
# Compared byte by byte on every database, so that a beginning is a range of the index.
_Key = String(NAME_KEY_LENGTH).with_variant(String(NAME_KEY_LENGTH, collation="C"), "postgresql")


class PatientRow(Base):
    """One patient of one institution.

    Names stay readable because doctors search by them (`NameKeyRow`). Phone and resident ID number exist only
    sealed (`FieldCipher`, bound to this row) and as blind index.
    """

    __tablename__ = "patients"
    __table_args__ = (
        UniqueConstraint("institution_code", "patient_id"),
        Index("ix_patients_institution_phone", "institution_code", "phone_index"),
        Index("ix_patients_institution_id_number", "institution_code", "id_number_index"),
        Index("ix_patients_id_number", "id_number_index"),  # one person at several institutions
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    patient_id: Mapped[str] = mapped_column(String(64))
    """The hospital's own number; equals PatientID (0010,0020) of its images."""
    name: Mapped[str] = mapped_column(String(128))
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
    merged_into: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The record that stands for this person since the two were merged."""
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NameKeyRow(Base):
    """One text with which a name is found: its characters, pinyin or initials, from any syllable to the end."""

    __tablename__ = "patient_name_keys"
    __table_args__ = (
        Index("ix_patient_name_keys_key", "institution_code", "inner", "key", "patient_key"),
        {"sqlite_with_rowid": False},
    )

    patient_key: Mapped[int] = mapped_column(ForeignKey("patients.id"), primary_key=True, autoincrement=False)
    inner: Mapped[bool] = mapped_column(primary_key=True)
    """It begins behind the first syllable."""
    key: Mapped[str] = mapped_column(_Key, primary_key=True)
    institution_code: Mapped[str] = mapped_column(String(18))
