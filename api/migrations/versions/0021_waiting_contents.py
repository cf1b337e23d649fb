"""An index of the contents that wait for a person, so that the work list finds them among all instances.

Revision: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_instances_conflict",
        "instances",
        ["institution_code"],
        sqlite_where=sa.text("conflict = 1"),
        postgresql_where=sa.text("conflict"),
    )


def downgrade() -> None:
    op.drop_index("ix_instances_conflict", "instances")
