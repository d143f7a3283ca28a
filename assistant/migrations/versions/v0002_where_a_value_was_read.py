"""Where a value was read that the CRM knows of nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("token", sa.Column("read_in", sa.String(), nullable=True), schema="gateway")
    op.add_column("token", sa.Column("read_field", sa.String(), nullable=True), schema="gateway")


def downgrade() -> None:
    op.drop_column("token", "read_field", schema="gateway")
    op.drop_column("token", "read_in", schema="gateway")
