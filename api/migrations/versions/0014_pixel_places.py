"""Where the pixels of an instance lie within its bytes; the second digest of each instance goes.

Revision: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # unknown for what was stored before: readers look into the bytes then
    op.add_column("instances", sa.Column("pixel_offset", sa.BigInteger(), nullable=True))
    op.add_column("instances", sa.Column("pixel_length", sa.BigInteger(), nullable=True))
    op.add_column("instances", sa.Column("bits_allocated", sa.Integer(), nullable=True))
    op.add_column("instances", sa.Column("samples_per_pixel", sa.Integer(), nullable=True))
    op.drop_column("instances", "dataset_digest")


def downgrade() -> None:
    op.add_column("instances", sa.Column("dataset_digest", sa.String(length=64), nullable=False, server_default=""))
    for name in ("samples_per_pixel", "bits_allocated", "pixel_length", "pixel_offset"):
        op.drop_column("instances", name)
