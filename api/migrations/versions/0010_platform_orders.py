"""How far the regional platform knows of each checked order.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "platform_orders",
        sa.Column("view_record_id", sa.String(length=32), nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("platform_record_id", sa.String(length=64), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("changed_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("view_record_id", name=op.f("pk_platform_orders")),
    )
    op.create_index("ix_platform_orders_state", "platform_orders", ["institution_code", "state"])


def downgrade() -> None:
    op.drop_index("ix_platform_orders_state", "platform_orders")
    op.drop_table("platform_orders")
