"""Orders checked for duplicates, decisions and receipts; one person at several institutions is found by an index.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_checks",
        sa.Column("view_record_id", sa.String(length=32), nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("encounter_id", sa.String(length=64), nullable=False),
        sa.Column("encounter_class", sa.String(length=16), nullable=False),
        sa.Column("ordered_by", sa.String(length=64), nullable=False),
        sa.Column("order_key", sa.String(length=64), nullable=False),
        sa.Column("elsewhere", sa.String(length=16), nullable=False),
        sa.Column("created_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("checked_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("view_record_id", name=op.f("pk_order_checks")),
    )
    with op.batch_alter_table("order_checks", schema=None) as batch_op:
        batch_op.create_index("ix_order_checks_order", ["institution_code", "order_key"], unique=False)
        batch_op.create_index("ix_order_checks_patient", ["institution_code", "patient_id", "checked_at"], unique=False)

    op.create_table(
        "order_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("view_record_id", sa.String(length=32), nullable=False),
        sa.Column("card_id", sa.String(length=36), nullable=False),
        sa.Column("order_id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("asks_reason", sa.Boolean(), nullable=False),
        sa.Column("priors", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("comment", sa.String(length=200), nullable=True),
        sa.Column("decided_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["view_record_id"], ["order_checks.view_record_id"], name=op.f("fk_order_items_view_record_id_order_checks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_items")),
        sa.UniqueConstraint("card_id", name=op.f("uq_order_items_card_id")),
    )
    with op.batch_alter_table("order_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_items_view_record_id"), ["view_record_id"], unique=False)

    op.create_table(
        "order_receipts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("view_record_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("prior_count", sa.Integer(), nullable=False),
        sa.Column("elsewhere", sa.String(length=16), nullable=False),
        sa.Column("at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_record_id"],
            ["order_checks.view_record_id"],
            name=op.f("fk_order_receipts_view_record_id_order_checks"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_receipts")),
    )
    with op.batch_alter_table("order_receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_receipts_view_record_id"), ["view_record_id"], unique=False)

    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.create_index("ix_patients_id_number", ["id_number_index"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.drop_index("ix_patients_id_number")

    with op.batch_alter_table("order_receipts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_receipts_view_record_id"))

    op.drop_table("order_receipts")
    with op.batch_alter_table("order_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_items_view_record_id"))

    op.drop_table("order_items")
    with op.batch_alter_table("order_checks", schema=None) as batch_op:
        batch_op.drop_index("ix_order_checks_patient")
        batch_op.drop_index("ix_order_checks_order")

    op.drop_table("order_checks")
