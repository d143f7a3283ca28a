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
# whoever may call it can void what is old, and cannot do so without its being recorded
_ERASE = """
CREATE FUNCTION gateway.erase_events(kind text, subjects text[], before timestamptz, batch integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM set_config('cloister.retention', 'on', true);
    WITH due AS (
        SELECT e.id FROM gateway.audit_event e JOIN gateway.audit_seal s ON s.event_id = e.id
        WHERE e.erased_at IS NULL AND e.at < before
            AND split_part(e.event, '.', 1) = ANY(subjects) AND e.event NOT LIKE 'audit.%'
            AND s.sequence <= (SELECT max(c.sequence) FROM gateway.audit_checkpoint c)
            AND NOT EXISTS (
                SELECT FROM gateway.audit_hold h WHERE h.lifted_at IS NULL AND (
                    h.scope = 'all' OR (h.scope = 'actor' AND h.value = e.actor)
                    OR (h.scope = 'subject' AND h.value = e.subject) OR (h.scope = 'run' AND h.value = e.run)
                    OR (h.scope = 'conversation' AND h.value = e.conversation)
                    OR (h.scope IN ('run', 'conversation') AND e.run IS NULL AND EXISTS (
                        SELECT FROM gateway.audit_event o WHERE o.correlation = e.correlation
                            AND o.correlation NOT IN ('', '-')
                            AND h.value = CASE h.scope WHEN 'run' THEN o.run ELSE o.conversation END))))
        ORDER BY e.at, e.id LIMIT batch
    ), void AS (
        UPDATE gateway.audit_event e SET actor = '', roles = '{}', detail = '{}', correlation = '',
            conversation = NULL, run = NULL, subject = NULL, salt = NULL, origin = NULL,
            erased_at = clock_timestamp()
        FROM due WHERE e.id = due.id AND e.erased_at IS NULL RETURNING 1
    ) SELECT count(*) INTO done FROM void;
    PERFORM set_config('cloister.retention', '', true);
    IF done > 0 THEN
        INSERT INTO gateway.audit_event (id, event, actor, roles, detail, correlation, salt) VALUES (
            gen_random_uuid(), 'audit.erased', session_user, '{process}',
            jsonb_build_object('class', kind, 'before', before, 'entries', done),
            '-', uuid_send(gen_random_uuid()));
    END IF;
    RETURN done;
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
    op.create_table(
        "audit_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
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
    op.execute(_ERASE)
    signature = "gateway.erase_events(text, text[], timestamptz, integer)"
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO cloister_work")


def downgrade() -> None:
    """Refused once the record holds what version 0.1 could not verify: no salt is to be lost."""
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM gateway.audit_event WHERE salt IS NOT NULL OR origin IS NOT NULL"
        " OR erased_at IS NOT NULL) THEN RAISE EXCEPTION 'events were recorded that revision 0006 cannot"
        " verify: restore a backup instead'; END IF; END $$"
    )
    op.execute("DROP FUNCTION gateway.erase_events(text, text[], timestamptz, integer)")
    op.execute("DROP TRIGGER only_made_void ON gateway.audit_event")
    for table in _SEALED:
        op.execute(f"DROP TRIGGER only_added_to ON gateway.{table}")
    op.execute("DROP FUNCTION gateway.refuse_rewrite()")
    op.execute("DROP FUNCTION gateway.refuse_change()")
    for table in ("audit_hold", "audit_anchor", "audit_cosignature", "audit_node"):
        op.drop_table(table, schema="gateway")
    op.drop_index("ix_gateway_audit_event_correlation", "audit_event", schema="gateway")
    for column in ("erased_at", "origin", "salt"):
        op.drop_column("audit_event", column, schema="gateway")
