"""Decisions of persons: about patients, and about items of the work list.

Revision: 0017
"""

import sqlalchemy as sa
from alembic import op

from imaging_core.index.base import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("patients", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_patients_merged_into"), "patients", ["merged_into"])
    op.create_table(
        "patient_decisions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_patient", sa.BigInteger(), nullable=True),
        sa.Column("to_patient", sa.BigInteger(), nullable=False),
        sa.Column("made_patient", sa.Boolean(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        *_decided(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_decisions")),
    )
    op.create_index("ix_patient_decisions_institution", "patient_decisions", ["institution_code", "id"])
    op.create_table(
        "patient_movements",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("decision_id", _ID, nullable=False),
        sa.Column("table_name", sa.String(length=32), nullable=False),
        sa.Column("row_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["patient_decisions.id"], name=op.f("fk_patient_movements_decision_id_patient_decisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_movements")),
    )
    op.create_index(op.f("ix_patient_movements_decision_id"), "patient_movements", ["decision_id"])
    op.create_index("ix_patient_movements_row", "patient_movements", ["table_name", "row_id"])
    op.create_table(
        "patient_lookalikes",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("first_patient", sa.BigInteger(), nullable=False),
        sa.Column("second_patient", sa.BigInteger(), nullable=False),
        sa.Column("found_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_lookalikes")),
        sa.UniqueConstraint("first_patient", "second_patient", name=op.f("uq_patient_lookalikes_first_patient")),
    )
    op.create_index(op.f("ix_patient_lookalikes_institution_code"), "patient_lookalikes", ["institution_code"])
    op.create_table(
        "worklist_decisions",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("remedy", sa.String(length=24), nullable=False),
        sa.Column("patient_decision", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        *_decided(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist_decisions")),
    )
    op.create_index("ix_worklist_decisions_institution", "worklist_decisions", ["institution_code", "id"])
    op.create_index("ix_worklist_decisions_item", "worklist_decisions", ["institution_code", "kind", "subject"])


def downgrade() -> None:
    op.drop_table("worklist_decisions")
    op.drop_table("patient_lookalikes")
    op.drop_table("patient_movements")
    op.drop_table("patient_decisions")
    op.drop_index(op.f("ix_patients_merged_into"), "patients")
    op.drop_column("patients", "merged_into")


def _decided() -> list[sa.Column[object]]:
    """Return who, when, why, and by whom it was undone."""
    return [
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=64), nullable=True),
        sa.Column("undone_reason", sa.Text(), nullable=True),
    ]
