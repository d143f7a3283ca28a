"""The tables of the first release."""

from importlib import resources

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("conversation", sa.Uuid(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("final_payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("current_hash", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("hits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("marks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "tier",
            sa.Enum(
                "normal", "top", name="held_item_tier", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "approved",
                "edited",
                "rejected",
                "sent_back",
                "expired",
                "cancelled",
                name="held_item_state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("effective_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effect_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('approved', 'edited', 'rejected', 'sent_back')) = (decided_by IS NOT NULL)",
            name="held_item_decided_by_somebody",
        ),
        sa.CheckConstraint(
            "effect_at IS NULL OR state <> 'pending'", name="held_item_no_effect_while_pending"
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requester", name="held_item_not_by_requester"
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="approvals",
    )
    op.create_index(
        "held_item_one_pending",
        "held_item",
        ["run"],
        unique=True,
        schema="approvals",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "held_item_queue", "held_item", ["state", "tier", "deadline"], unique=False, schema="approvals"
    )
    op.create_index(
        op.f("ix_approvals_held_item_conversation"),
        "held_item",
        ["conversation"],
        unique=False,
        schema="approvals",
    )
    op.create_index(
        op.f("ix_approvals_held_item_requester"), "held_item", ["requester"], unique=False, schema="approvals"
    )
    op.create_index(
        op.f("ix_approvals_held_item_run"), "held_item", ["run"], unique=False, schema="approvals"
    )
    op.create_table(
        "presence",
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("reviewer"),
        schema="approvals",
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login"),
        schema="gateway",
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        schema="gateway",
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("conversation", sa.String(), nullable=True),
        sa.Column("run", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("correlation", sa.String(), nullable=False),
        sa.Column(
            "txid",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_gateway_audit_event_actor"), "audit_event", ["actor"], unique=False, schema="gateway"
    )
    op.create_index(op.f("ix_gateway_audit_event_at"), "audit_event", ["at"], unique=False, schema="gateway")
    op.create_index(
        op.f("ix_gateway_audit_event_run"), "audit_event", ["run"], unique=False, schema="gateway"
    )
    op.create_index(
        op.f("ix_gateway_audit_event_subject"), "audit_event", ["subject"], unique=False, schema="gateway"
    )
    op.create_index(
        op.f("ix_gateway_audit_event_txid"), "audit_event", ["txid"], unique=False, schema="gateway"
    )
    op.create_table(
        "identity",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value_mac", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "field", "value_mac"),
        schema="gateway",
    )
    op.create_index("identity_by_version", "identity", ["version"], unique=False, schema="gateway")
    op.create_table(
        "identity_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="gateway",
    )
    op.create_table(
        "subject_key",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("wrapped", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("subject"),
        schema="gateway",
    )
    op.create_table(
        "token",
        sa.Column("conversation", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("value_mac", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("typed_by", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "token"),
        sa.UniqueConstraint("conversation", "value_mac", name="token_one_per_value"),
        schema="gateway",
    )
    op.create_table(
        "sync",
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sync", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("entity"),
        schema="retrieval",
    )
    op.create_table(
        "opening",
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["approvals.held_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item", "reviewer"),
        schema="approvals",
    )
    op.create_table(
        "vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "approve",
                "edit",
                "reject",
                "send_back",
                name="vote_verdict",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["approvals.held_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        schema="approvals",
    )
    op.create_index(op.f("ix_approvals_vote_item"), "vote", ["item"], unique=False, schema="approvals")
    op.create_index(
        "vote_one_a_reviewer",
        "vote",
        ["item", "reviewer"],
        unique=True,
        schema="approvals",
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner"],
            ["gateway.account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="assistant",
    )
    op.create_index(
        op.f("ix_assistant_conversation_owner"), "conversation", ["owner"], unique=False, schema="assistant"
    )
    op.create_table(
        "api_token",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["gateway.account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secret_hash"),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_gateway_api_token_account_id"), "api_token", ["account_id"], unique=False, schema="gateway"
    )
    op.create_table(
        "audit_seal",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["gateway.audit_event.id"],
        ),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("event_id"),
        schema="gateway",
    )
    op.create_table(
        "session",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["gateway.account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secret_hash"),
        schema="gateway",
    )
    op.create_index(
        op.f("ix_gateway_session_account_id"), "session", ["account_id"], unique=False, schema="gateway"
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("tokens", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_item", sa.Uuid(), nullable=True),
        sa.Column("feedback", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("correlation", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["assistant.conversation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["gateway.account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="assistant",
    )
    op.create_index(
        op.f("ix_assistant_run_conversation_id"), "run", ["conversation_id"], unique=False, schema="assistant"
    )
    op.create_index(
        op.f("ix_assistant_run_principal_id"), "run", ["principal_id"], unique=False, schema="assistant"
    )
    op.create_index(op.f("ix_assistant_run_state"), "run", ["state"], unique=False, schema="assistant")
    op.create_table(
        "run_event",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["assistant.run.id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        schema="assistant",
    )
    _create_job_tables()


def _create_job_tables() -> None:
    """The job queue's own schema, as the pinned procrastinate ships it; its functions name tables bare."""
    script = resources.files("procrastinate").joinpath("sql", "schema.sql").read_text("utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path TO jobs, public")
    connection.connection.cursor().execute(script)
    connection.exec_driver_sql("RESET search_path")


def downgrade() -> None:
    raise NotImplementedError("the first release has nothing to go back to; restore a backup")
