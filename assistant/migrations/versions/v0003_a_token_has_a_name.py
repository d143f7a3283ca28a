"""An API token can be named without its secret, so that its owner can revoke it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)
    op.add_column("api_token", column, schema="gateway")
    op.create_unique_constraint("api_token_id_key", "api_token", ["id"], schema="gateway")


def downgrade() -> None:
    op.drop_constraint("api_token_id_key", "api_token", schema="gateway")
    op.drop_column("api_token", "id", schema="gateway")
