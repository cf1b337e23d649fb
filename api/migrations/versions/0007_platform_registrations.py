"""What became of registering each study with the regional platform.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "platform_registrations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("examination_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("report_key", sa.String(length=32), nullable=False),
        sa.Column("report_version", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("changed_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("registered_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_registrations")),
        sa.UniqueConstraint("examination_id", name=op.f("uq_platform_registrations_examination_id")),
        sa.UniqueConstraint(
            "institution_code", "study_instance_uid", name=op.f("uq_platform_registrations_institution_code")
        ),
    )
    op.create_index("ix_platform_registrations_state", "platform_registrations", ["institution_code", "state"])


def downgrade() -> None:
    op.drop_index("ix_platform_registrations_state", "platform_registrations")
    op.drop_table("platform_registrations")
