"""Several review queues and filters, claims with a fence, rounds of one item, notices, and triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SCHEMA = "approvals"
_NOW = sa.text("now()")
_GENERAL = """
    INSERT INTO approvals.review_queue (name, place, everyone, plan)
    VALUES ('general', 1000, true, '{"title": "General"}')
"""

# What was held changes with the round alone, and a round ends by its one effect.
_KEEP_ITEM = """
    CREATE FUNCTION approvals.keep_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.id, NEW.run, NEW.conversation, NEW.requester, NEW.kind)
            IS DISTINCT FROM (OLD.id, OLD.run, OLD.conversation, OLD.requester, OLD.kind) THEN
            RAISE EXCEPTION 'held_item_keeps_its_origin: what an item is of does not change'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_keeps_its_origin';
        END IF;
        IF NEW.round <> OLD.round THEN
            IF NEW.round <> OLD.round + 1 OR OLD.state <> 'sent_back' OR OLD.effect_at IS NULL
                OR NEW.state <> 'pending' OR NEW.effect_at IS NOT NULL THEN
                RAISE EXCEPTION 'held_item_rounds: an item comes again only after it was sent back'
                    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_rounds';
            END IF;
        ELSIF (NEW.payload, NEW.payload_hash, NEW.policy_version, NEW.hits, NEW.tier, NEW.least)
            IS DISTINCT FROM (OLD.payload, OLD.payload_hash, OLD.policy_version, OLD.hits, OLD.tier, OLD.least) THEN
            RAISE EXCEPTION 'held_item_keeps_its_payload: what was held does not change'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_keeps_its_payload';
        ELSIF OLD.effect_at IS NOT NULL
            AND (NEW.effect_at, NEW.state, NEW.current_hash, NEW.final_payload, NEW.decided_by)
            IS DISTINCT FROM (OLD.effect_at, OLD.state, OLD.current_hash, OLD.final_payload, OLD.decided_by) THEN
            RAISE EXCEPTION 'held_item_one_effect: what took effect stays'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_one_effect';
        ELSIF NEW.state <> OLD.state AND OLD.state <> 'pending'
            AND (NEW.state <> 'pending' OR OLD.state IN ('expired', 'cancelled')) THEN
            RAISE EXCEPTION 'held_item_one_end: what was decided can be undone, and what ended has ended'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_one_end';
        ELSIF NEW.state = OLD.state AND OLD.state <> 'pending'
            AND (NEW.current_hash, NEW.final_payload, NEW.needed, NEW.decided_by)
            IS DISTINCT FROM (OLD.current_hash, OLD.final_payload, OLD.needed, OLD.decided_by) THEN
            RAISE EXCEPTION 'held_item_keeps_what_was_decided: a decided text does not change'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_keeps_what_was_decided';
        END IF;
        IF NEW.fence < OLD.fence THEN
            RAISE EXCEPTION 'held_item_fence_grows: a fence only grows'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_fence_grows';
        END IF;
        RETURN NEW;
    END $$
"""

# An item comes into the queue and goes through it.
_BEGIN = """
    CREATE FUNCTION approvals.begin_pending() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.state <> 'pending' OR NEW.round <> 1 OR NEW.final_payload IS NOT NULL THEN
            RAISE EXCEPTION 'held_item_begins_pending: an item begins undecided'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_begins_pending';
        END IF;
        RETURN NEW;
    END $$
"""

# Nothing is released that not enough persons, who did not ask for it, have approved in this very text.
_ENOUGH = """
    CREATE FUNCTION approvals.need_enough_votes() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE agreeing integer;
    BEGIN
        SELECT count(DISTINCT (SELECT min(account) FROM approvals.accounts_of_person(reviewer) account))
        INTO agreeing FROM approvals.vote
        WHERE item = NEW.id AND round = NEW.round AND undone_at IS NULL
            AND payload_hash = NEW.current_hash AND verdict IN ('approve', 'edit', 'false_alarm')
            AND NOT approvals.same_person(reviewer, NEW.requester);
        IF agreeing < NEW.needed OR (NEW.tier = 'top' AND agreeing < 2) THEN
            RAISE EXCEPTION 'held_item_enough_votes: too few officers have approved this text'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_enough_votes';
        END IF;
        IF NEW.effect_at < NEW.effective_after THEN
            RAISE EXCEPTION 'held_item_not_too_early: it can still be undone'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'held_item_not_too_early';
        END IF;
        RETURN NULL;
    END $$
"""

# What is known of accounts: who has something in common is one person. A login that is a mail address is its
# person's, whatever +label it has; nothing of it is kept elsewhere.
_KNOWN_OF_ACCOUNTS = r"""
    CREATE FUNCTION approvals.known_of_accounts() RETURNS TABLE (account text, key text)
    LANGUAGE sql STABLE AS $$
        SELECT known.account, known.key FROM approvals.person_key known WHERE known.undone_at IS NULL
        UNION ALL
        SELECT one.id::text, 'mail:' || regexp_replace(lower(btrim(one.login)), '(\+[^@]*)?@', '@')
        FROM gateway.account one WHERE strpos(one.login, '@') > 0
    $$
"""
# Whoever is one person with somebody is so with all that somebody is one person with.
_ACCOUNTS_OF_PERSON = """
    CREATE FUNCTION approvals.accounts_of_person(one text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
        WITH RECURSIVE person(account) AS (
            SELECT one
            UNION
            SELECT another.account
            FROM person
            JOIN approvals.known_of_accounts() known ON known.account = person.account
            JOIN approvals.known_of_accounts() another ON another.key = known.key
        )
        SELECT account FROM person
    $$
"""
_SAME_PERSON = """
    CREATE FUNCTION approvals.same_person(one text, other text) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT FROM approvals.accounts_of_person(one) account WHERE account = other)
    $$
"""
_PERSONS = (_KNOWN_OF_ACCOUNTS, _ACCOUNTS_OF_PERSON, _SAME_PERSON)

# Nobody votes on what they asked for, and nobody counts twice, through whatever account.
_ONE_PERSON = """
    CREATE FUNCTION approvals.one_person_one_vote() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE asked text; now_in text; now_round integer;
    BEGIN
        SELECT requester, state, round INTO asked, now_in, now_round
        FROM approvals.held_item WHERE id = NEW.item;
        IF now_in <> 'pending' OR now_round <> NEW.round THEN
            RAISE EXCEPTION 'vote_while_pending: nobody votes on what is decided'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'vote_while_pending';
        END IF;
        IF NEW.reviewer = asked OR approvals.same_person(NEW.reviewer, asked) THEN
            RAISE EXCEPTION 'vote_not_by_requester: nobody votes on their own request'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'vote_not_by_requester';
        END IF;
        IF EXISTS (
            SELECT FROM approvals.vote other
            WHERE other.item = NEW.item AND other.round = NEW.round AND other.undone_at IS NULL
                AND other.reviewer <> NEW.reviewer AND approvals.same_person(other.reviewer, NEW.reviewer)
        ) THEN
            RAISE EXCEPTION 'vote_one_a_person: one person votes once'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'vote_one_a_person';
        END IF;
        RETURN NEW;
    END $$
"""
# A vote is taken back once, and not after what it brought about.
_KEEP_VOTE = """
    CREATE FUNCTION approvals.keep_vote() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL OR EXISTS (
            SELECT FROM approvals.held_item
            WHERE id = OLD.item AND round = OLD.round AND effect_at IS NOT NULL
        ) THEN
            RAISE EXCEPTION 'vote_taken_back_once: a vote is taken back once, before it takes effect'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'vote_taken_back_once';
        END IF;
        RETURN NEW;
    END $$
"""
_TRIGGERS = (
    "CREATE TRIGGER begin_pending BEFORE INSERT ON approvals.held_item "
    "FOR EACH ROW EXECUTE FUNCTION approvals.begin_pending()",
    "CREATE TRIGGER keep_item BEFORE UPDATE ON approvals.held_item "
    "FOR EACH ROW EXECUTE FUNCTION approvals.keep_item()",
    "CREATE TRIGGER need_enough_votes AFTER UPDATE OF state, effect_at ON approvals.held_item FOR EACH ROW "
    "WHEN (NEW.state IN ('approved', 'edited') "
    "AND (OLD.state = 'pending' OR OLD.effect_at IS NULL AND NEW.effect_at IS NOT NULL)) "
    "EXECUTE FUNCTION approvals.need_enough_votes()",
    "CREATE TRIGGER one_person_one_vote BEFORE INSERT ON approvals.vote "
    "FOR EACH ROW EXECUTE FUNCTION approvals.one_person_one_vote()",
    "CREATE TRIGGER keep_vote BEFORE UPDATE ON approvals.vote "
    "FOR EACH ROW EXECUTE FUNCTION approvals.keep_vote()",
)
_CHECKS = {
    "held_item_claim_has_an_end": "(claimed_by IS NULL) = (claimed_until IS NULL)",
    "held_item_claim_while_pending": "claimed_by IS NULL OR state = 'pending'",
    "held_item_no_own_claim": "claimed_by IS NULL OR claimed_by <> requester",
    "held_item_needed": "needed BETWEEN least AND 2 AND least >= 1",
    "held_item_round": "round >= 1",
}


def _moment(name: str, *, now: bool = False) -> sa.Column[object]:
    default = _NOW if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not now)


def _kind(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def upgrade() -> None:
    _make_queues()
    _widen_items()
    _widen_votes()
    _make_what_was_said()
    _make_notices()
    _make_what_is_counted()
    _make_filters()
    _make_generations()
    for statement in (*_PERSONS, _KEEP_ITEM, _BEGIN, _ENOUGH, _ONE_PERSON, _KEEP_VOTE, *_TRIGGERS):
        op.execute(statement)


def _make_queues() -> None:
    op.create_table(
        "review_queue",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("everyone", sa.Boolean(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.String(), server_default="1", nullable=False),
        _moment("retired_at"),
        sa.PrimaryKeyConstraint("name"),
        schema=_SCHEMA,
    )
    op.execute(_GENERAL)
    op.create_table(
        "member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("duty", postgresql.JSONB(none_as_null=True), nullable=True),
        _moment("since", now=True),
        _moment("until"),
        sa.ForeignKeyConstraint(["queue"], ["approvals.review_queue.name"]),
        sa.PrimaryKeyConstraint("id"),
        schema=_SCHEMA,
    )
    op.create_index(
        "member_once",
        "member",
        ["queue", "account"],
        unique=True,
        schema=_SCHEMA,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index("member_account", "member", ["account"], schema=_SCHEMA)
    op.create_table(
        "absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("cover", sa.String(), nullable=True),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts < ends", name="absence_has_length"),
        sa.CheckConstraint("cover <> account", name="absence_covered_by_another"),
        sa.PrimaryKeyConstraint("id"),
        schema=_SCHEMA,
    )
    op.create_index("absence_account", "absence", ["account", "ends"], schema=_SCHEMA)
    op.create_table(
        "person_key",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        _moment("undone_at"),
        sa.PrimaryKeyConstraint("account", "key"),
        schema=_SCHEMA,
    )
    op.create_index("person_key_key", "person_key", ["key"], schema=_SCHEMA)


def _widen_items() -> None:
    for column in (
        sa.Column(
            "kind",
            _kind("held_item_kind", "answer", "mail", "handover"),
            server_default="answer",
            nullable=False,
        ),
        sa.Column("queue", sa.String(), server_default="general", nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("needed", sa.Integer(), server_default="1", nullable=False),
        sa.Column("least", sa.Integer(), server_default="1", nullable=False),
        sa.Column("awaiting_rep", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("assigned_to", sa.String(), nullable=True),
        _moment("remind_at"),
        _moment("escalate_at"),
        _moment("customer_waits_since"),
    ):
        op.add_column("held_item", column, schema=_SCHEMA)
    op.execute("UPDATE approvals.held_item SET needed = 2, least = 2 WHERE tier = 'top'")
    op.execute(
        "UPDATE approvals.held_item SET claimed_by = NULL, claimed_until = NULL "
        "WHERE state <> 'pending' OR claimed_by IS NULL OR claimed_until IS NULL"
    )
    for name, rule in _CHECKS.items():
        op.create_check_constraint(name, "held_item", rule, schema=_SCHEMA)
    op.create_foreign_key(
        None, "held_item", "review_queue", ["queue"], ["name"], source_schema=_SCHEMA, referent_schema=_SCHEMA
    )
    op.create_index("held_item_by_queue", "held_item", ["queue", "state"], schema=_SCHEMA)
    for name in ("remind", "escalate"):
        op.create_index(
            f"held_item_{name}",
            "held_item",
            [f"{name}_at"],
            schema=_SCHEMA,
            postgresql_where=sa.text(f"{name}_at IS NOT NULL"),
        )


def _widen_votes() -> None:
    for column in (
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("text_before", sa.Text(), nullable=True),
        sa.Column("text_after", sa.Text(), nullable=True),
        sa.Column("diff", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("entry", sa.String(), server_default="api", nullable=False),
    ):
        op.add_column("vote", column, schema=_SCHEMA)
    op.drop_constraint("vote_verdict", "vote", schema=_SCHEMA, type_="check")
    verdicts = "verdict IN ('approve', 'edit', 'reject', 'send_back', 'false_alarm')"
    op.create_check_constraint("vote_verdict", "vote", verdicts, schema=_SCHEMA)
    op.drop_index("vote_one_a_reviewer", "vote", schema=_SCHEMA)
    op.create_index(
        "vote_one_a_reviewer",
        "vote",
        ["item", "round", "reviewer"],
        unique=True,
        schema=_SCHEMA,
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _make_what_was_said() -> None:
    op.create_table(
        "remark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("author", sa.String(), server_default="deadline", nullable=False),
        sa.Column(
            "kind",
            _kind("remark_kind", "question", "answer", "handed_on", "escalated", "lapsed"),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.String(), nullable=True),
        sa.Column("given_to", sa.String(), nullable=True),
        _moment("at", now=True),
        sa.ForeignKeyConstraint(["item"], ["approvals.held_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        schema=_SCHEMA,
    )
    op.create_index(op.f("ix_approvals_remark_item"), "remark", ["item"], schema=_SCHEMA)
    op.create_table(
        "draft",
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("hits", postgresql.JSONB(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        _moment("at", now=True),
        sa.ForeignKeyConstraint(["item"], ["approvals.held_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item", "round"),
        schema=_SCHEMA,
    )


def _make_notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        _moment("at", now=True),
        _moment("next_try", now=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("sent_at"),
        _moment("seen_at"),
        _moment("given_up_at"),
        sa.Column("fault", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["approvals.held_item.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        schema=_SCHEMA,
    )
    op.create_index(
        "notice_once",
        "notice",
        ["item", "occasion", "channel", "recipient"],
        unique=True,
        schema=_SCHEMA,
    )
    op.create_index(
        "notice_due",
        "notice",
        ["next_try"],
        schema=_SCHEMA,
        postgresql_where=sa.text("sent_at IS NULL AND given_up_at IS NULL"),
    )
    op.create_index("notice_recipient", "notice", ["recipient", "channel", "at"], schema=_SCHEMA)


def _make_what_is_counted() -> None:
    op.create_index("held_item_created", "held_item", ["created_at"], schema=_SCHEMA)
    op.create_table(
        "weighed",
        sa.Column("run", sa.Uuid(), nullable=False),
        _moment("at", now=True),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("would_hold", sa.Boolean(), nullable=False),
        sa.Column("rules", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("trial", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("run"),
        schema=_SCHEMA,
    )
    op.create_index("weighed_at", "weighed", ["at"], schema=_SCHEMA)
    op.create_table(
        "suggestion_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("change", postgresql.JSONB(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        _moment("at", now=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        _moment("withdrawn_at"),
        sa.CheckConstraint("reply IN ('accepted', 'put_aside')", name="suggestion_reply_kind"),
        sa.CheckConstraint(
            "(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="suggestion_reply_withdrawn"
        ),
        sa.PrimaryKeyConstraint("id"),
        schema=_SCHEMA,
    )
    op.create_index(
        "suggestion_reply_once",
        "suggestion_reply",
        ["rule", "change"],
        unique=True,
        schema=_SCHEMA,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _make_filters() -> None:
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(600), nullable=False),
        _moment("created_at", now=True),
        sa.ForeignKeyConstraint(["account"], ["gateway.account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        schema="assistant",
    )
    op.create_index("saved_filter_name", "saved_filter", ["account", "name"], unique=True, schema="assistant")


def _make_generations() -> None:
    op.add_column("run", sa.Column("weighs", postgresql.JSONB(), nullable=True), schema="assistant")
    op.create_table(
        "generation",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("weighed", sa.Integer(), nullable=False),
        sa.Column("made_of", postgresql.JSONB(), nullable=False),
        _moment("at", now=True),
        sa.ForeignKeyConstraint(["run_id"], ["assistant.run.id"]),
        sa.PrimaryKeyConstraint("run_id", "attempt"),
        schema="assistant",
    )


def downgrade() -> None:
    op.drop_index("held_item_created", "held_item", schema=_SCHEMA)
    op.drop_table("saved_filter", schema="assistant")
    op.drop_table("generation", schema="assistant")
    op.drop_column("run", "weighs", schema="assistant")
    for table, name in (
        ("held_item", "keep_item"),
        ("held_item", "begin_pending"),
        ("held_item", "need_enough_votes"),
        ("vote", "one_person_one_vote"),
        ("vote", "keep_vote"),
    ):
        op.execute(f"DROP TRIGGER {name} ON approvals.{table}")
        op.execute(f"DROP FUNCTION approvals.{name}()")
    for function in ("same_person(text, text)", "accounts_of_person(text)", "known_of_accounts()"):
        op.execute(f"DROP FUNCTION approvals.{function}")
    for table in (
        "suggestion_reply",
        "weighed",
        "notice",
        "draft",
        "remark",
        "person_key",
        "absence",
        "member",
    ):
        op.drop_table(table, schema=_SCHEMA)
    op.drop_index("vote_one_a_reviewer", "vote", schema=_SCHEMA)
    op.execute("DELETE FROM approvals.vote WHERE round > 1 OR verdict = 'false_alarm'")
    op.create_index(
        "vote_one_a_reviewer",
        "vote",
        ["item", "reviewer"],
        unique=True,
        schema=_SCHEMA,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.drop_constraint("vote_verdict", "vote", schema=_SCHEMA, type_="check")
    verdicts = "verdict IN ('approve', 'edit', 'reject', 'send_back')"
    op.create_check_constraint("vote_verdict", "vote", verdicts, schema=_SCHEMA)
    for column in ("entry", "diff", "text_after", "text_before", "round"):
        op.drop_column("vote", column, schema=_SCHEMA)
    for name in _CHECKS:
        op.drop_constraint(name, "held_item", schema=_SCHEMA, type_="check")
    for column in (
        *("customer_waits_since", "escalate_at", "remind_at", "assigned_to", "fence", "awaiting_rep"),
        *("least", "needed", "round", "queue", "kind"),
    ):
        op.drop_column("held_item", column, schema=_SCHEMA)
    op.drop_table("review_queue", schema=_SCHEMA)
