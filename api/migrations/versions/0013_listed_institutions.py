"""The province's list of institutions, as it was imported.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listed_institutions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("listed_code", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("imported_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed_institutions")),
        sa.UniqueConstraint("institution_code", "listed_code", name=op.f("uq_listed_institutions_institution_code")),
    )


def downgrade() -> None:
    op.drop_table("listed_institutions")
