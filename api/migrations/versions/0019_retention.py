"""Visits that start terms, legal holds, disposal plans and tombstones.

Revision: 0019
"""

import sqlalchemy as sa
from alembic import op

from imaging_core.index.base import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "retention_visits",
        *_own(),
        sa.Column("patient_key", _ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("encounter_class", sa.String(length=16), nullable=False),
        sa.Column("discharge", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_key"], ["patients.id"], name=op.f("fk_retention_visits_patient_key_patients")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_visits")),
        sa.UniqueConstraint(
            "patient_key", "day", "encounter_class", "discharge", name=op.f("uq_retention_visits_patient_key")
        ),
    )
    op.create_table(
        "retention_holds",
        *_own(),
        sa.Column("hold_key", sa.String(length=32), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.String(length=64), nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.Column("released_at", _TIME, nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_holds")),
        sa.UniqueConstraint("hold_key", name=op.f("uq_retention_holds_hold_key")),
    )
    op.create_index("ix_retention_holds_study", "retention_holds", ["institution_code", "study_instance_uid"])
    op.create_index("ix_retention_holds_patient", "retention_holds", ["institution_code", "patient_id"])
    _plans()
    _tombstones()


def _plans() -> None:
    op.create_table(
        "disposal_plans",
        *_own(),
        sa.Column("plan_key", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("studies", sa.Integer(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_plans")),
        sa.UniqueConstraint("plan_key", name=op.f("uq_disposal_plans_plan_key")),
    )
    op.create_table(
        "disposal_plan_studies",
        *_own(),
        sa.Column("plan_id", _ID, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("counted_from", sa.Date(), nullable=False),
        sa.Column("years", sa.Integer(), nullable=False),
        sa.Column("encounter_class", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("instances_digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("dropped_because", sa.String(length=16), nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["disposal_plans.id"], name=op.f("fk_disposal_plan_studies_plan_id_disposal_plans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_plan_studies")),
        sa.UniqueConstraint("plan_id", "study_instance_uid", name=op.f("uq_disposal_plan_studies_plan_id")),
    )
    op.create_index(
        op.f("ix_disposal_plan_studies_study_instance_uid"), "disposal_plan_studies", ["study_instance_uid"]
    )


def _tombstones() -> None:
    op.create_table(
        "disposed_studies",
        *_own(),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("plan_key", sa.String(length=32), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=False),
        sa.Column("approved_at", _TIME, nullable=False),
        sa.Column("disposed_at", _TIME, nullable=False),
        sa.Column("came_again_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposed_studies")),
    )
    op.create_index("ix_disposed_studies_study", "disposed_studies", ["institution_code", "study_instance_uid"])
    op.create_index(op.f("ix_disposed_studies_plan_key"), "disposed_studies", ["plan_key"])
    op.create_table(
        "disposed_instances",
        *_own(),
        sa.Column("disposed_study_id", _ID, nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["disposed_study_id"],
            ["disposed_studies.id"],
            name=op.f("fk_disposed_instances_disposed_study_id_disposed_studies"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposed_instances")),
    )
    op.create_index(op.f("ix_disposed_instances_disposed_study_id"), "disposed_instances", ["disposed_study_id"])
    op.create_table(
        "pending_removals",
        *_own(),
        sa.Column("plan_key", sa.String(length=32), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("locator", sa.String(length=256), nullable=False),
        sa.Column("is_instance", sa.Boolean(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_removals")),
    )
    op.create_index(op.f("ix_pending_removals_locator"), "pending_removals", ["locator"])


def downgrade() -> None:
    for table in (
        "pending_removals",
        "disposed_instances",
        "disposed_studies",
        "disposal_plan_studies",
        "disposal_plans",
        "retention_holds",
        "retention_visits",
    ):
        op.drop_table(table)


_TIME = UtcDateTime(timezone=True)


def _own() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
    )
