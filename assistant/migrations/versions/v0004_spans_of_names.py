"""Where names stand in texts that were read before, by keyed hash, for all doors."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "name_spans",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.Column("used_on", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        schema="gateway",
    )
    op.create_index("name_spans_by_use", "name_spans", ["used_on"], unique=False, schema="gateway")


def downgrade() -> None:
    op.drop_table("name_spans", schema="gateway")
