"""Doctors' desks with the desktop shell.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workstations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("workstation_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("os", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.Column("last_woken_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("history_reminders", sa.Boolean(), nullable=False),
        sa.Column("duplicate_reminders", sa.Boolean(), nullable=False),
        sa.Column("switched_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("switched_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["switched_by"], ["accounts.id"], name=op.f("fk_workstations_switched_by_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workstations")),
        sa.UniqueConstraint("institution_code", "workstation_id", name=op.f("uq_workstations_institution_code")),
    )


def downgrade() -> None:
    op.drop_table("workstations")
