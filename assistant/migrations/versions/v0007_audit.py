"""The record's Merkle tree, its anchors and cosignatures; no process changes what is in it.

The triggers stand in the way of the tables' owner too, who can drop them: that is not prevented, and is found
by the anchors.
"""

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
# Whoever may call it can void what is old, and cannot do so without its being recorded: when, of what, and by a
# hash which. The lock is held by whoever reads the record to verify it; that is not to change under them.
_ERASE = """
CREATE FUNCTION gateway.erase_events(kind text, subjects text[], days integer, batch integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    began timestamptz := clock_timestamp();
    before timestamptz := began - make_interval(days => days);
    newest bigint := (SELECT max(c.sequence) FROM gateway.audit_checkpoint c);
    iso text := 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00';
    done bigint;
    numbers bytea;
BEGIN
    IF days IS NULL OR days < 7 THEN
        RAISE EXCEPTION 'an event of the record keeps its content for seven days at least'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(59301) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('cloister.retention', 'on', true);
    WITH due AS (
        SELECT d.id, d.sequence FROM unnest(subjects) AS u (subject) CROSS JOIN LATERAL (
            SELECT e.id, s.sequence
            FROM gateway.audit_event e JOIN gateway.audit_seal s ON s.event_id = e.id
            WHERE e.erased_at IS NULL AND split_part(e.event, '.', 1) = u.subject AND e.at < before
                AND s.sequence <= newest
                AND NOT EXISTS (
                    SELECT FROM gateway.audit_hold h WHERE h.lifted_at IS NULL AND (
                        h.scope = 'all' OR (h.scope = 'actor' AND h.value = e.actor)
                        OR (h.scope = 'subject' AND h.value = e.subject)
                        OR (h.scope = 'run' AND h.value = e.run)
                        OR (h.scope = 'conversation' AND h.value = e.conversation)
                        OR (h.scope IN ('run', 'conversation') AND e.run IS NULL AND EXISTS (
                            SELECT FROM gateway.audit_event o WHERE o.correlation = e.correlation
                                AND o.correlation NOT IN ('', '-')
                                AND h.value = CASE h.scope WHEN 'run' THEN o.run ELSE o.conversation END))))
            ORDER BY e.at LIMIT batch) AS d
        WHERE u.subject <> 'audit' LIMIT batch
    ), void AS (
        UPDATE gateway.audit_event e SET actor = '', roles = '{}', detail = '{}', correlation = '',
            conversation = NULL, run = NULL, subject = NULL, salt = NULL, origin = NULL, erased_at = began
        FROM due WHERE e.id = due.id AND e.erased_at IS NULL RETURNING due.sequence
    ) SELECT count(*), sha256(coalesce(string_agg(int8send(sequence), ''::bytea ORDER BY sequence), ''))
        INTO done, numbers FROM void;
    PERFORM set_config('cloister.retention', '', true);
    IF done > 0 THEN
        INSERT INTO gateway.audit_event (id, event, actor, roles, detail, correlation, salt) VALUES (
            gen_random_uuid(), 'audit.erased', session_user, '{process}',
            jsonb_build_object('class', kind, 'subjects', subjects, 'entries', done,
                'before', to_char(before AT TIME ZONE 'UTC', iso),
                'erased_at', to_char(began AT TIME ZONE 'UTC', iso), 'numbers', encode(numbers, 'hex')),
            '-', uuid_send(gen_random_uuid()));
    END IF;
    RETURN done;
END $$
"""
# only the function above, which runs as the tables' owner, says that something was erased
_TOLD = """
CREATE FUNCTION gateway.refuse_pretence() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = TG_RELID) THEN
        RAISE EXCEPTION 'that events were erased is recorded by what erases them'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$
"""
_LIFT = """
CREATE FUNCTION gateway.refuse_bent_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.scope, NEW.value, NEW.reason, NEW.placed_by, NEW.placed_at)
            IS DISTINCT FROM (OLD.id, OLD.scope, OLD.value, OLD.reason, OLD.placed_by, OLD.placed_at)
        OR num_nonnulls(OLD.lifted_by, OLD.lifted_at) > 0 OR num_nulls(NEW.lifted_by, NEW.lifted_at) > 0 THEN
        RAISE EXCEPTION 'a legal hold can be lifted once, and not be changed otherwise'
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
    op.create_index(
        "ix_gateway_audit_event_due",
        "audit_event",
        [sa.text("split_part(event, '.', 1)"), "at"],
        schema="gateway",
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.create_index(
        "ix_gateway_audit_event_erasures",
        "audit_event",
        ["at"],
        schema="gateway",
        postgresql_where=sa.text("event = 'audit.erased'"),
    )
    op.create_index(
        "ix_gateway_audit_event_conversation",
        "audit_event",
        ["conversation"],
        schema="gateway",
        postgresql_where=sa.text("conversation IS NOT NULL"),
    )
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
    op.execute(_TOLD)
    op.execute(
        "CREATE TRIGGER truly_erased BEFORE INSERT ON gateway.audit_event FOR EACH ROW"
        " WHEN (NEW.event = 'audit.erased') EXECUTE FUNCTION gateway.refuse_pretence()"
    )
    op.execute(_LIFT)
    op.execute(
        "CREATE TRIGGER only_lifted BEFORE UPDATE ON gateway.audit_hold"
        " FOR EACH ROW EXECUTE FUNCTION gateway.refuse_bent_hold()"
    )
    op.execute(
        "CREATE TRIGGER only_added_to BEFORE DELETE OR TRUNCATE ON gateway.audit_hold"
        " FOR EACH STATEMENT EXECUTE FUNCTION gateway.refuse_change()"
    )
    for trigger in ("only_lifted", "only_added_to"):
        op.execute(f"ALTER TABLE gateway.audit_hold ENABLE ALWAYS TRIGGER {trigger}")
    op.execute(_ERASE)
    signature = "gateway.erase_events(text, text[], integer, integer)"
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO cloister_work")


def downgrade() -> None:
    """Refused once the record holds what version 0.1 could not verify: no salt is to be lost."""
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM gateway.audit_event WHERE salt IS NOT NULL OR origin IS NOT NULL"
        " OR erased_at IS NOT NULL) THEN RAISE EXCEPTION 'events were recorded that revision 0006 cannot"
        " verify: restore a backup instead'; END IF; END $$"
    )
    op.execute("DROP FUNCTION gateway.erase_events(text, text[], integer, integer)")
    for trigger in ("only_made_void", "truly_erased"):
        op.execute(f"DROP TRIGGER {trigger} ON gateway.audit_event")
    for table in _SEALED:
        op.execute(f"DROP TRIGGER only_added_to ON gateway.{table}")
    for table in ("audit_hold", "audit_anchor", "audit_cosignature", "audit_node"):
        op.drop_table(table, schema="gateway")
    for function in ("rewrite", "pretence", "bent_hold", "change"):
        op.execute(f"DROP FUNCTION gateway.refuse_{function}()")
    for index in ("conversation", "erasures", "due", "correlation"):
        op.drop_index(f"ix_gateway_audit_event_{index}", "audit_event", schema="gateway")
    for column in ("erased_at", "origin", "salt"):
        op.drop_column("audit_event", column, schema="gateway")
