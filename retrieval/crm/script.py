"""The SQL that a CRM's administrator runs once, so that Cloister may read it and follow its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from retrieval.crm.database import connect, sql, table_name
from retrieval.crm.map import CrmMap
from retrieval.crm.roles import READER, columns_of

PUBLICATION: Final = "cloister"
_KEEP: Final = "10GB"

_HEAD: Final = """\
-- For the administrator of the CRM's PostgreSQL: what Cloister needs to read {crm} and to follow it.
-- Run it with psql as a superuser, in the CRM's database:
--     psql -X -v ON_ERROR_STOP=1 -d DATABASE -f FILE
-- Running it again does no harm. What it makes: one role, one publication. It changes no table and no row.
-- Needs PostgreSQL 15 or later for the publication; before that Cloister polls, and the role is enough.
"""

_ROLE: Final = """
BEGIN;

-- 1. A role that reads the mapped columns and nothing else. Give it a password then: \\password {reader}
DO $cloister$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {reader_text}) THEN
        CREATE ROLE {reader} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS;
    END IF;
END
$cloister$;
ALTER ROLE {reader} SET default_transaction_read_only = on;
{grants}
"""

_FOLLOW: Final = """
-- 2. Following the log: the role may replicate, and a publication says what of it travels. Only the columns
--    that tell rows apart do; names, addresses and texts never enter the stream.
ALTER ROLE {reader} REPLICATION;
{publication}
"""

_PUBLISH: Final = """\
DO $cloister$
DECLARE
    wanted record;
    columns text;
    identity "char";
    published text[] := '{{}}';
BEGIN
    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE NOTICE 'No publication was made: before PostgreSQL 15 whole rows would travel. Cloister polls.';
        RETURN;
    END IF;
    IF current_setting('wal_level') <> 'logical' THEN
        RAISE WARNING 'wal_level is %: ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL.',
            current_setting('wal_level');
    END IF;
    FOR wanted IN SELECT * FROM (VALUES
{tables}
    ) AS mapped(name, keys)
    LOOP
        SELECT c.relreplident INTO identity FROM pg_class c
         WHERE c.oid = to_regclass(wanted.name) AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p';
        IF identity IS NULL THEN
            RAISE NOTICE '% is not published: it is no ordinary table here. Cloister polls it.', wanted.name;
            CONTINUE;
        END IF;
        -- every column of the replica identity must be published, else PostgreSQL refuses UPDATE and DELETE
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
          FROM pg_attribute a
         WHERE a.attrelid = to_regclass(wanted.name) AND a.attnum > 0 AND NOT a.attisdropped
           AND (a.attname = ANY (wanted.keys) OR EXISTS (
                SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey)
                   AND CASE identity WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END));
        IF identity IN ('f', 'n') OR NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = to_regclass(wanted.name)
               AND CASE identity WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)
        THEN
            RAISE NOTICE '% is not published: it is not told apart by a primary key. Cloister polls.',
                wanted.name;
            CONTINUE;
        END IF;
        published := published || format('%s (%s)', wanted.name, columns);
    END LOOP;
    IF published = '{{}}' THEN
        RAISE WARNING 'No publication was made: none of the mapped tables can be published.';
        RETURN;
    END IF;
    -- what is published already stays as it is, so that running this again makes nobody begin anew
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = {publication_text}) THEN
        CREATE PUBLICATION {publication};
    END IF;
    ALTER PUBLICATION {publication}
        SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);
    EXECUTE {alter} || array_to_string(published, ', ');
END
$cloister$;
"""

_TAIL: Final = """
COMMIT;

-- 3. So that a slot nobody reads cannot fill this server's disk: what Cloister misses then, it compares anew.
SELECT 'ALTER SYSTEM SET max_slot_wal_keep_size = ''{keep}'''
 WHERE current_setting('max_slot_wal_keep_size') = '-1'
\\gexec
SELECT pg_reload_conf();

-- Remarks
-- * wal_level must be logical (needs a restart); max_replication_slots and max_wal_senders need room for one.
-- * pg_hba.conf: the line that lets {reader} into this database is enough, best with TLS.
-- * synchronous_standby_names = '*' would make commits here wait for Cloister: name the standbys instead.
-- * Cloister makes its replication slot itself; see it with
--     SELECT slot_name, active, wal_status, safe_wal_size FROM pg_replication_slots;
{remarks}
-- To undo all of it, with Cloister stopped:
--     SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'cloister%';
--     DROP PUBLICATION IF EXISTS {publication};
--     DROP OWNED BY {reader};
--     DROP ROLE {reader};
--     ALTER SYSTEM RESET max_slot_wal_keep_size;
"""


def admin_script(crm_map: CrmMap, *, reader: str = READER, publication: str = PUBLICATION) -> str:
    """SQL for psql: a role with SELECT on the mapped columns, a publication of keys, and how to undo both."""
    role = _quoted(reader)
    return "".join(
        [
            _HEAD.format(crm=f"“{crm_map.crm}”"),
            _ROLE.format(reader=role, reader_text=_literal(reader), grants="\n".join(_grants(crm_map, role))),
            _FOLLOW.format(reader=role, publication=publication_sql(crm_map, publication)),
            _TAIL.format(
                keep=_KEEP, reader=role, publication=_quoted(publication), remarks=_remarks(crm_map)
            ),
        ]
    )


def publication_sql(crm_map: CrmMap, publication: str = PUBLICATION) -> str:
    """One statement that makes the publication anew: keys and replica identities of the mapped tables."""
    keys = published_keys(crm_map)
    tables = ",\n".join(
        f"        ({_literal(table_name(table).as_string())}, ARRAY[{', '.join(map(_literal, columns))}])"
        for table, columns in keys.items()
    )
    name = _quoted(publication)
    return _PUBLISH.format(
        publication=name,
        publication_text=_literal(publication),
        alter=_literal(f"ALTER PUBLICATION {name} SET TABLE "),
        tables=tables,
    )


def let_follow(
    dsn_owner: str, crm_map: CrmMap, *, reader: str = READER, publication: str = PUBLICATION
) -> None:
    """Let `reader` follow a CRM of ours: the publication, and REPLICATION. `dsn_owner` is a superuser's."""
    with connect(dsn_owner) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} REPLICATION").format(sql.Identifier(reader)))
        connection.execute(publication_sql(crm_map, publication))


def published_keys(crm_map: CrmMap) -> Mapping[str, tuple[str, ...]]:
    """Table → the columns whose values say which record has changed."""
    found: dict[str, set[str]] = {}
    for entity in crm_map.entities.values():
        found.setdefault(entity.table, set()).add(entity.key)
        for follow in entity.follows:
            found.setdefault(follow.table, set()).add(follow.column)
    return {table: tuple(sorted(columns)) for table, columns in sorted(found.items())}


def _grants(crm_map: CrmMap, role: str) -> Iterable[str]:
    columns = columns_of(crm_map)
    for schema in sorted({table.split(".")[0] for table in columns if "." in table} | {"public"}):
        yield f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {role};"
    for table, names in columns.items():
        listed = ", ".join(map(_quoted, names))
        yield f"GRANT SELECT ({listed}) ON {table_name(table).as_string()} TO {role};"


def _remarks(crm_map: CrmMap) -> str:
    lines = []
    for kind, entity in crm_map.entities.items():
        for follow in entity.follows:
            table, column = table_name(follow.table).as_string(), _quoted(follow.column)
            lines += [
                f"-- * {kind} follows {table}: the old {column} travels when the replica identity has it.",
                "--   Where the primary key does not: CREATE UNIQUE INDEX … over the key and that column,",
                f"--   and ALTER TABLE {table} REPLICA IDENTITY USING INDEX …, then run this again.",
            ]
    return "\n".join([*lines, ""]) if lines else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
