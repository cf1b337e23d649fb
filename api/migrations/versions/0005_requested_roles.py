"""Roles that were asked for and not yet granted.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("requested_roles", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.alter_column("requested_roles", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("requested_roles")
