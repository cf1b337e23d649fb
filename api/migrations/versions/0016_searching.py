"""What searching needs: the study's day as a number, names and modalities of studies, attributes of series.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op

from imaging_core.index.search.upkeep import modality_rows, name_rows

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BATCH = 1000
_BEGINNINGS = {"patient": "patient_id", "accession": "accession_number"}
_TEXTS = {
    "laterality": 16,
    "protocol_name": 64,
    "station_name": 64,
    "manufacturer": 64,
    "series_time": 28,
    "performed_procedure_step_start_time": 28,
}
_DATES = ("series_date", "performed_procedure_step_start_date")


def upgrade() -> None:
    op.add_column("studies", sa.Column("study_day", sa.Integer(), nullable=False, server_default="0"))
    for name, length in _TEXTS.items():
        # empty for what was stored before, until it is read again
        op.add_column("series", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    for name in _DATES:
        op.add_column("series", sa.Column(name, sa.Date(), nullable=True))
    text = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
    names = _beside("study_names", sa.Column("inner", sa.Boolean(), nullable=False), sa.Column("text", text))
    modalities = _beside("study_modalities", sa.Column("modality", sa.String(length=16)))
    _file_studies(names, modalities)
    op.create_index(
        "ix_study_names_text", "study_names", ["institution_code", "inner", "text", "study_day", "study_id"]
    )
    op.create_index(
        "ix_study_modalities_modality", "study_modalities", ["institution_code", "modality", "study_day", "study_id"]
    )
    op.create_index("ix_studies_newest", "studies", ["institution_code", "study_day", "id"])
    _index_beginnings(operators="varchar_pattern_ops")


def downgrade() -> None:
    _index_beginnings(operators="text_ops")
    op.drop_index("ix_studies_newest", "studies")
    op.drop_table("study_modalities")
    op.drop_table("study_names")
    for name in (*_DATES, *_TEXTS):
        op.drop_column("series", name)
    op.drop_column("studies", "study_day")


def _beside(name: str, *own: sa.Column[str] | sa.Column[bool]) -> sa.Table:
    return op.create_table(
        name,
        sa.Column("study_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *own,
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("study_day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f(f"fk_{name}_study_id_studies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", *(column.name for column in own), name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )


def _index_beginnings(operators: str) -> None:
    """Let PostgreSQL order these byte by byte, so that a beginning is a range of the index; SQLite does so anyway."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, column in _BEGINNINGS.items():
        op.drop_index(f"ix_studies_institution_{name}", "studies")
        op.create_index(
            f"ix_studies_institution_{name}",
            "studies",
            ["institution_code", column],
            postgresql_ops={column: operators},
        )


def _file_studies(names: sa.Table, modalities: sa.Table) -> None:
    """Number the days, write the rows of the studies there are; by their ids, so that no number of them is too much."""
    connection = op.get_bind()
    year, month, day = (
        sa.cast(sa.extract(part, sa.column("study_date")), sa.Integer) for part in ("year", "month", "day")
    )
    studies = sa.table(
        "studies",
        sa.column("id", sa.BigInteger()),
        sa.column("institution_code"),
        sa.column("study_date", sa.Date()),
        sa.column("study_day", sa.Integer()),
        sa.column("patient_name"),
        sa.column("modalities", sa.JSON()),
    )
    number = year * 10000 + month * 100 + day
    connection.execute(sa.update(studies).where(studies.c.study_date.is_not(None)).values(study_day=number))
    last = 0
    while batch := connection.execute(
        sa.select(studies).where(studies.c.id > last).order_by(studies.c.id).limit(_BATCH)
    ).all():
        filed = [
            (names, name_rows, "patient_name"),
            (modalities, modality_rows, "modalities"),
        ]
        for table, rows_of, what in filed:
            rows = [
                row
                for item in batch
                for row in rows_of(item.id, item.institution_code, item.study_day, getattr(item, what))
            ]
            if rows:
                connection.execute(sa.insert(table), rows)
        last = batch[-1].id
