"""How each kind of record is followed, what waits for a person, and rows that cannot be indexed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync", sa.Column("mode", sa.String(), nullable=True), schema="retrieval")
    op.add_column("sync", sa.Column("slot", sa.String(), nullable=True), schema="retrieval")
    op.add_column(
        "sync",
        sa.Column("gone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="retrieval",
    )
    op.add_column(
        "sync",
        sa.Column("kept", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="retrieval",
    )
    op.create_table(
        "parked",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entity", "key"),
        schema="retrieval",
    )


def downgrade() -> None:
    op.drop_table("parked", schema="retrieval")
    for column in ("kept", "gone", "slot", "mode"):
        op.drop_column("sync", column, schema="retrieval")
