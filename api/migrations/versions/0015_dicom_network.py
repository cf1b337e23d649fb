"""What is owed to other application entities, and studies migrated from an old PACS.

Revision: 0015
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "storage_commitments",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("requested_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("reported_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_commitments")),
        sa.UniqueConstraint(
            "institution_code", "ae_title", "transaction_uid", name=op.f("uq_storage_commitments_institution_code")
        ),
    )
    op.create_table(
        "migrated_studies",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("theirs", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=128), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("changed_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migrated_studies")),
        sa.UniqueConstraint(
            "institution_code", "source", "study_instance_uid", name=op.f("uq_migrated_studies_institution_code")
        ),
    )


def downgrade() -> None:
    op.drop_table("migrated_studies")
    op.drop_table("storage_commitments")
