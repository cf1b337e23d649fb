"""Shares that patients pass on, and packages to take away.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("passcode_hash", sa.String(length=128), nullable=True),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("opened_count", sa.Integer(), nullable=False),
        sa.Column("last_opened_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["links.link_id"], name=op.f("fk_shares_link_id_links")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        sa.UniqueConstraint("link_id", name=op.f("uq_shares_link_id")),
    )
    op.create_table(
        "downloads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("download_id", sa.String(length=32), nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("patient_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=128), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["patient_key"], ["patients.id"], name=op.f("fk_downloads_patient_key_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downloads")),
        sa.UniqueConstraint("download_id", name=op.f("uq_downloads_download_id")),
    )
    with op.batch_alter_table("downloads", schema=None) as batch_op:
        batch_op.create_index("ix_downloads_patient_study", ["patient_key", "study_instance_uid"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("downloads", schema=None) as batch_op:
        batch_op.drop_index("ix_downloads_patient_study")

    op.drop_table("downloads")
    op.drop_table("shares")
