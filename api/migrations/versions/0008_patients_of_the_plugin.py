"""Keys by which names are found, in place of two columns; recent patients; orders by doctor.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.patients.name_search import name_rows

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    key = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
    keys = op.create_table(
        "patient_name_keys",
        sa.Column("patient_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("inner", sa.Boolean(), nullable=False),
        sa.Column("key", key, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_key"], ["patients.id"], name=op.f("fk_patient_name_keys_patient_key_patients")
        ),
        sa.PrimaryKeyConstraint("patient_key", "inner", "key", name=op.f("pk_patient_name_keys")),
        sqlite_with_rowid=False,
    )
    _file_names(keys)
    op.create_index(
        "ix_patient_name_keys_key", "patient_name_keys", ["institution_code", "inner", "key", "patient_key"]
    )
    op.drop_index("ix_patients_institution_name", "patients")
    for name in ("pinyin", "initials"):
        op.drop_index(f"ix_patients_institution_{name}", "patients")
        op.drop_column("patients", f"name_{name}")
    op.create_table(
        "recent_patients",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("patient_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("seen_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "patient_key", name=op.f("pk_recent_patients")),
    )
    op.create_index(op.f("ix_recent_patients_seen_at"), "recent_patients", ["seen_at"])
    op.create_index("ix_order_checks_doctor", "order_checks", ["institution_code", "ordered_by", "checked_at"])


def downgrade() -> None:
    op.drop_index("ix_order_checks_doctor", "order_checks")
    op.drop_index(op.f("ix_recent_patients_seen_at"), "recent_patients")
    op.drop_table("recent_patients")
    for name, length in (("pinyin", 512), ("initials", 128)):
        op.add_column("patients", sa.Column(f"name_{name}", sa.String(length), nullable=False, server_default=""))
        op.create_index(f"ix_patients_institution_{name}", "patients", ["institution_code", f"name_{name}"])
    op.create_index("ix_patients_institution_name", "patients", ["institution_code", "name"])
    op.drop_index("ix_patient_name_keys_key", "patient_name_keys")
    op.drop_table("patient_name_keys")


def _file_names(keys: sa.Table) -> None:
    """Write the keys of the patients there are; by their ids, so that no number of them is too much."""
    connection = op.get_bind()
    patients = sa.table("patients", sa.column("id"), sa.column("institution_code"), sa.column("name"))
    last = 0
    while batch := connection.execute(
        sa.select(patients).where(patients.c.id > last).order_by(patients.c.id).limit(_BATCH)
    ).all():
        rows = [
            row
            for item in batch
            for row in name_rows(PatientKey(item.id), InstitutionCode(item.institution_code), item.name)
        ]
        if rows:
            connection.execute(sa.insert(keys), rows)
        last = batch[-1].id
