"""Studies, series, instances, and the feed of what happened to them.

Every row that belongs to an institution carries its `institution_code`. Attribute names are DICOM
keywords in snake case. Text is repaired for searching here; the received bytes are never touched.
"""

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from imaging_core.index.base import Base, UtcDateTime

# SQLite gives autoincrement only to INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


class StudyRow(Base):
    """One study of one institution."""

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("institution_code", "study_instance_uid"),
        # on PostgreSQL ordered byte by byte, so that a beginning is a range of the index
        Index(
            "ix_studies_institution_patient",
            "institution_code",
            "patient_id",
            postgresql_ops={"patient_id": "varchar_pattern_ops"},
        ),
        Index(
            "ix_studies_institution_accession",
            "institution_code",
            "accession_number",
            postgresql_ops={"accession_number": "varchar_pattern_ops"},
        ),
        Index("ix_studies_newest", "institution_code", "study_day", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    patient_key: Mapped[int | None] = mapped_column(ForeignKey("patients.id"), index=True)
    """The patient of our index, once matched by PatientID."""
    patient_id: Mapped[str] = mapped_column(String(64), default="")
    patient_name: Mapped[str] = mapped_column(String(324), default="")
    patient_sex: Mapped[str] = mapped_column(String(16), default="")
    patient_birth_date: Mapped[date | None]
    accession_number: Mapped[str] = mapped_column(String(64), default="")
    study_id: Mapped[str] = mapped_column(String(64), default="")
    study_date: Mapped[date | None] = mapped_column(index=True)
    study_day: Mapped[int] = mapped_column(default=0)
    """The study date as a number that sorts, 20260301; 0 for none. Follows `study_date` (`search.upkeep`)."""
    study_time: Mapped[str] = mapped_column(String(28), default="")
    study_description: Mapped[str] = mapped_column(String(256), default="")
    referring_physician_name: Mapped[str] = mapped_column(String(324), default="")
    modalities: Mapped[list[str]] = mapped_column(JSON, default=list)
    series_count: Mapped[int] = mapped_column(default=0)
    instance_count: Mapped[int] = mapped_column(default=0)
    first_received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    manifest_version: Mapped[str | None] = mapped_column(String(64))
    """Content version of the derived manifest; None while nothing was derived."""
    derived_through: Mapped[int] = mapped_column(BigInteger, default=0)
    """Sequence of the last change of this study that the derived objects include."""

    series: Mapped[list["SeriesRow"]] = relationship(back_populates="study", cascade="all, delete-orphan")


class SeriesRow(Base):
    """One series of a study."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "series_instance_uid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    series_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    modality: Mapped[str] = mapped_column(String(16), default="")
    series_number: Mapped[int | None]
    series_description: Mapped[str] = mapped_column(String(256), default="")
    body_part_examined: Mapped[str] = mapped_column(String(64), default="")
    laterality: Mapped[str] = mapped_column(String(16), default="")
    protocol_name: Mapped[str] = mapped_column(String(64), default="")
    station_name: Mapped[str] = mapped_column(String(64), default="")
    manufacturer: Mapped[str] = mapped_column(String(64), default="")
    series_date: Mapped[date | None]
    series_time: Mapped[str] = mapped_column(String(28), default="")
    performed_procedure_step_start_date: Mapped[date | None]
    performed_procedure_step_start_time: Mapped[str] = mapped_column(String(28), default="")
    instance_count: Mapped[int] = mapped_column(default=0)

    study: Mapped[StudyRow] = relationship(back_populates="series")
    instances: Mapped[list["InstanceRow"]] = relationship(back_populates="series", cascade="all, delete-orphan")


class InstanceRow(Base):
    """One SOP instance and the blob that holds its received bytes.

    The same UID with other content is kept as a further `revision`; only one row of a UID has
    `current` set and is served, the others wait for a person (`conflict`).
    """

    __tablename__ = "instances"
    __table_args__ = (
        UniqueConstraint("series_id", "sop_instance_uid", "revision"),
        Index("ix_instances_sop", "institution_code", "sop_instance_uid"),
        # two stores of one UID at the same moment: the database lets only one be current
        Index(
            "uq_instances_current",
            "institution_code",
            "sop_instance_uid",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
        # holds only what waits for a person: costs an arriving instance nothing, and the work list no walk over all
        Index(
            "ix_instances_conflict",
            "institution_code",
            sqlite_where=text("conflict = 1"),
            postgresql_where=text("conflict"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(64))
    instance_number: Mapped[int | None]
    number_of_frames: Mapped[int] = mapped_column(default=0)
    """0 when the instance has no pixels."""
    rows: Mapped[int] = mapped_column(default=0)
    columns: Mapped[int] = mapped_column(default=0)
    bits_allocated: Mapped[int | None]
    samples_per_pixel: Mapped[int | None]
    pixel_offset: Mapped[int | None] = mapped_column(BigInteger)
    """Where the value of Pixel Data begins within the received bytes; None without pixels, when the data set is
    deflated, and for what was stored before this was kept."""
    pixel_length: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes of that value, with all fragments and delimiters when it is encapsulated."""
    revision: Mapped[int] = mapped_column(default=1)
    current: Mapped[bool] = mapped_column(default=True)
    conflict: Mapped[bool] = mapped_column(default=False)
    blob_digest: Mapped[str] = mapped_column(String(64), index=True)
    """SHA-256 of the received bytes, hexadecimal."""
    blob_locator: Mapped[str] = mapped_column(String(256))
    """Where the blob store keeps the bytes; only the store reads this."""
    blob_size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_from: Mapped[str] = mapped_column(String(128), default="")
    """AE title, "STOW-RS" caller or import run; never a person."""

    series: Mapped[SeriesRow] = relationship(back_populates="instances")


class ChangeRow(Base):
    """One line of the change feed, written in the transaction of the change itself."""

    __tablename__ = "changes"

    sequence: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    kind: Mapped[str] = mapped_column(String(32))
    """instance_stored, instance_conflict, report_verified, report_amended, patient_registered, …"""
    study_instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(128), default="")
    """UID or opaque key of what changed; never personal data."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)


_FEED_LOCK = 0x6D696E67  # "ming": any number no other part of the database uses


@event.listens_for(ChangeRow, "before_insert")
def _commit_changes_in_order(_mapper: Mapper[ChangeRow], connection: Connection, _row: ChangeRow) -> None:
    commit_in_order(connection)


def commit_in_order(connection: Connection) -> None:
    """Let no line of the feed become visible after a later one: a reader would pass over it for ever.

    PostgreSQL gives sequence numbers before commit, so from a transaction's first change to its commit it
    holds a lock; SQLite has one writer anyway. Happens by itself for each `ChangeRow` that is added to a session;
    who inserts rows in bulk calls it before. See decisions/003-feed-order.md.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FEED_LOCK})


class FeedCursorRow(Base):
    """How far one consumer has read the change feed."""

    __tablename__ = "feed_cursors"

    consumer: Mapped[str] = mapped_column(String(64), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)


class QuarantineRow(Base):
    """Something a patient may own that could not be filed; its bytes are kept for a person to look at."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    institution_code: Mapped[str] = mapped_column(String(18))
    channel: Mapped[str] = mapped_column(String(32))
    """cstore, stow, import, hl7, …"""
    reason_code: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    blob_digest: Mapped[str] = mapped_column(String(64))
    blob_locator: Mapped[str] = mapped_column(String(256))
    blob_size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
