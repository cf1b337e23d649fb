"""What the upkeep of stored bytes has found, and how far it has come.

Revision: 0020
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = imaging_core.index.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "upkeep",
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_upkeep")),
    )
    op.create_table(
        "blob_damages",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("copy", sa.String(length=16), nullable=False),
        sa.Column("fault", sa.String(length=16), nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("repaired_from", sa.String(length=16), nullable=False),
        sa.Column("repaired_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob_damages")),
    )
    op.create_index(op.f("ix_blob_damages_digest"), "blob_damages", ["digest"])
    op.create_index(op.f("ix_blob_damages_repaired_at"), "blob_damages", ["repaired_at"])
    op.create_table(
        "segment_places",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_segment_places")),
    )
    op.create_index(op.f("ix_segment_places_state"), "segment_places", ["state"])


def downgrade() -> None:
    op.drop_table("segment_places")
    op.drop_table("blob_damages")
    op.drop_table("upkeep")
