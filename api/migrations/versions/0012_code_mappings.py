"""What the hospital's own items stand for, once a person has looked.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "code_mappings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("local_code", sa.String(length=128), nullable=False),
        sa.Column("local_name", sa.String(length=512), nullable=False),
        sa.Column("name_key", sa.String(length=512), nullable=False),
        sa.Column("proposed", sa.JSON(), nullable=False),
        sa.Column("confirmed", sa.JSON(), nullable=False),
        sa.Column("catalogue_version", sa.String(length=32), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_mappings")),
        sa.UniqueConstraint(
            "institution_code", "local_code", "name_key", name=op.f("uq_code_mappings_institution_code")
        ),
    )
    op.create_index("ix_code_mappings_name", "code_mappings", ["institution_code", "name_key"])


def downgrade() -> None:
    op.drop_index("ix_code_mappings_name", table_name="code_mappings")
    op.drop_table("code_mappings")
