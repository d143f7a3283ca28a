"""The record's Merkle tree, its anchors and cosignatures; nobody changes what is in it, not even its owner."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEALED = ("audit_event", "audit_seal", "audit_node", "audit_checkpoint", "audit_cosignature")

# a setting of the retention job's own transaction lets it make events void; a row's other changes are refused below
_REFUSE = """
CREATE FUNCTION gateway.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_event'
        AND coalesce(current_setting('cloister.retention', true), '') = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the record is only ever added to: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
_VOID = """
CREATE FUNCTION gateway.refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.at, NEW.event, NEW.txid) IS DISTINCT FROM (OLD.id, OLD.at, OLD.event, OLD.txid)
        OR NEW.actor <> '' OR NEW.roles <> '{}' OR NEW.detail <> '{}' OR NEW.correlation <> ''
        OR num_nonnulls(NEW.conversation, NEW.run, NEW.subject, NEW.salt, NEW.origin) > 0
        OR NEW.erased_at IS NULL OR OLD.erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'an event of the record can be made void, and not be changed otherwise'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.add_column("audit_event", sa.Column("salt", sa.LargeBinary(), nullable=True), schema="gateway")
    op.add_column("audit_event", sa.Column("origin", sa.String(), nullable=True), schema="gateway")
    op.add_column(
        "audit_event", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True), schema="gateway"
    )
    op.create_index("ix_gateway_audit_event_correlation", "audit_event", ["correlation"], schema="gateway")
    op.create_table(
        "audit_node",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "place"),
        schema="gateway",
    )
    op.create_table(
        "audit_cosignature",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["gateway.audit_checkpoint.sequence"]),
        sa.PrimaryKeyConstraint("sequence", "witness"),
        schema="gateway",
    )
    op.create_table(
        "audit_anchor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("reached", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        schema="gateway",
    )
    op.execute(_REFUSE)
    op.execute(_VOID)
    for table in _SEALED:
        op.execute(
            f"CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON gateway.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION gateway.refuse_change()"
        )
        op.execute(f"ALTER TABLE gateway.{table} ENABLE ALWAYS TRIGGER only_added_to")
    op.execute(
        "CREATE TRIGGER only_made_void BEFORE UPDATE ON gateway.audit_event"
        " FOR EACH ROW EXECUTE FUNCTION gateway.refuse_rewrite()"
    )
    op.execute("ALTER TABLE gateway.audit_event ENABLE ALWAYS TRIGGER only_made_void")


def downgrade() -> None:
    op.execute("DROP TRIGGER only_made_void ON gateway.audit_event")
    for table in _SEALED:
        op.execute(f"DROP TRIGGER only_added_to ON gateway.{table}")
    op.execute("DROP FUNCTION gateway.refuse_rewrite()")
    op.execute("DROP FUNCTION gateway.refuse_change()")
    for table in ("audit_anchor", "audit_cosignature", "audit_node"):
        op.drop_table(table, schema="gateway")
    op.drop_index("ix_gateway_audit_event_correlation", "audit_event", schema="gateway")
    for column in ("erased_at", "origin", "salt"):
        op.drop_column("audit_event", column, schema="gateway")
