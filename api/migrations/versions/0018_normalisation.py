"""Normalised values beside the index, devices and rules about them.

Revision: 0018
"""

import sqlalchemy as sa
from alembic import op

from imaging_core.index.base import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime(timezone=True), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _of_study(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("study_id", sa.BigInteger(), nullable=False), sa.ForeignKeyConstraint(
        ["study_id"],
        ["normalised_studies.id"],
        name=op.f(f"fk_{table}_study_id_normalised_studies"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "normalised_studies",
        _id(),
        _text("institution_code", 18),
        _text("study_instance_uid", 64),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requested", sa.Integer(), nullable=False),
        _moment("normalised_at", nullable=True),
        _json("modalities"),
        _json("body_parts"),
        _json("values"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_normalised_studies")),
        sa.UniqueConstraint(
            "institution_code", "study_instance_uid", name=op.f("uq_normalised_studies_institution_code")
        ),
    )
    op.create_index(op.f("ix_normalised_studies_version"), "normalised_studies", ["version"])
    op.create_table(
        "normalised_series",
        _id(),
        _text("institution_code", 18),
        *_of_study("normalised_series"),
        _text("series_instance_uid", 64),
        _text("device_key", 32),
        _text("ae_title", 64),
        _text("modality", 16),
        _text("body_part", 128),
        _text("charset_declared", 128),
        _text("charset_rule", 16),
        sa.Column("has_findings", sa.Boolean(), nullable=False),
        _json("facts"),
        _json("values"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_normalised_series")),
        sa.UniqueConstraint("study_id", "series_instance_uid", name=op.f("uq_normalised_series_study_id")),
    )
    op.create_index(op.f("ix_normalised_series_study_id"), "normalised_series", ["study_id"])
    op.create_index(
        "ix_normalised_series_device", "normalised_series", ["institution_code", "device_key", "has_findings"]
    )
    op.create_table(
        "normalisation_findings",
        _id(),
        _text("institution_code", 18),
        *_of_study("normalisation_findings"),
        _text("series_instance_uid", 64),
        _text("code", 32),
        _text("severity", 8),
        _text("field", 64),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        _moment("since"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_normalisation_findings")),
        sa.UniqueConstraint(
            "study_id", "series_instance_uid", "code", "field", name=op.f("uq_normalisation_findings_study_id")
        ),
    )
    op.create_index("ix_normalisation_findings_code", "normalisation_findings", ["institution_code", "code", "id"])
    op.create_table(
        "devices",
        _id(),
        _text("institution_code", 18),
        _text("device_key", 32),
        _text("station_name", 64),
        _text("manufacturer", 64),
        _text("model_name", 64),
        _text("serial_number", 64),
        _moment("first_seen_at"),
        _moment("last_seen_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("institution_code", "device_key", name=op.f("uq_devices_institution_code")),
    )
    op.create_table(
        "device_rules",
        _id(),
        _text("institution_code", 18),
        _text("rule_key", 32),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        _text("name", 64),
        _json("rule"),
        _moment("created_at"),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_rules")),
        sa.UniqueConstraint("institution_code", "rule_key", "version", name=op.f("uq_device_rules_institution_code")),
    )


def downgrade() -> None:
    for name in ("device_rules", "devices", "normalisation_findings", "normalised_series", "normalised_studies"):
        op.drop_table(name)
