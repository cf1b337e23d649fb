"""Edited knowledge: drafts, published versions, words that nobody explains.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

import imaging_core.index.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "knowledge_drafts",
        sa.Column("draft_id", sa.String(length=32), nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("based_on", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_knowledge_drafts")),
    )
    with op.batch_alter_table("knowledge_drafts", schema=None) as batch_op:
        batch_op.create_index(
            "uq_knowledge_drafts_open",
            ["institution_code", "entry_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'published'"),
            postgresql_where=sa.text("state <> 'published'"),
        )

    op.create_table(
        "knowledge_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("published_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_versions")),
        sa.UniqueConstraint(
            "institution_code", "entry_id", "version", name=op.f("uq_knowledge_versions_institution_code")
        ),
        sa.UniqueConstraint("institution_code", "revision", name="uq_knowledge_versions_revision"),
    )
    op.create_table(
        "unexplained_words",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution_code", sa.String(length=18), nullable=False),
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.Column("in_reports", sa.Integer(), nullable=False),
        sa.Column("in_questions", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("dismissed_at", imaging_core.index.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unexplained_words")),
        sa.UniqueConstraint("institution_code", "word", name=op.f("uq_unexplained_words_institution_code")),
    )


def downgrade() -> None:
    op.drop_table("unexplained_words")
    op.drop_table("knowledge_versions")
    with op.batch_alter_table("knowledge_drafts", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_knowledge_drafts_open",
            sqlite_where=sa.text("state <> 'published'"),
            postgresql_where=sa.text("state <> 'published'"),
        )

    op.drop_table("knowledge_drafts")
