"""How the changes of mapped tables can be followed in PostgreSQL, and what would make it quicker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from retrieval.crm.database import Connection, sql, translated, tuple_row
from retrieval.crm.errors import Problem
from retrieval.crm.map import CrmMap

PUBLICATION: Final = "cloister"
"""The publication that the administrator's script makes."""

Note = tuple[str, str]


class _Table(NamedTuple):
    is_view: bool
    identity: frozenset[str]
    """The columns that a deleted row is known by in the stream of changes."""
    key_index: str | None
    """An index that could serve for it."""
    published: frozenset[str] | None


def notes_on_following(crm_map: CrmMap, connection: Connection[Any]) -> list[Problem]:
    """What keeps changes from being followed as they happen, table by table; problems without a line (0).

    Watermarks and comparison find every change too, later.
    """
    with translated(), connection.cursor(row_factory=tuple_row) as cursor:
        notes = [*_of_server(cursor), *_of_tables(crm_map, cursor)]
    return [Problem(0, where, sentence) for where, sentence in dict.fromkeys(notes)]


def _of_server(cursor: Any) -> Iterator[Note]:
    cursor.execute(
        """
        SELECT current_setting('wal_level'), current_user,
               (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user),
               EXISTS (SELECT 1 FROM pg_publication WHERE pubname = %s)
        """,
        [PUBLICATION],
    )
    wal_level, role, may_replicate, is_published = cursor.fetchone()
    later = "until then changes are found by watermark and comparison"
    if wal_level != "logical":
        yield (
            "",
            f"wal_level is {wal_level}; set it to logical and restart PostgreSQL to follow changes as they "
            f"happen; {later}",
        )
    if not may_replicate:
        yield "", f"the role {role} has no REPLICATION; ALTER ROLE … REPLICATION allows it to follow; {later}"
    if not is_published:
        yield "", f"there is no publication {PUBLICATION}; the administrator's script makes it; {later}"


def _of_tables(crm_map: CrmMap, cursor: Any) -> Iterator[Note]:
    cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_publication WHERE pubname = %s)", [PUBLICATION])
    has_publication = cursor.fetchone()[0]
    for name, entity in crm_map.entities.items():
        where = f"entities.{name}"
        table = _described(cursor, entity.table, entity.key)
        if table.is_view:
            yield (
                f"{where}.table",
                f"{entity.table} is a view: see that its {entity.key} is unique; its changes are found by "
                "watermark and comparison",
            )
        else:
            yield from _identity(f"{where}.key", entity.table, entity.key, table)
            if has_publication and entity.key not in (table.published or ()):
                yield f"{where}.table", _unpublished(entity.table, entity.key)
        if entity.changed is None:
            yield (
                where,
                "no watermark: where changes cannot be followed as they happen, they are found by comparison "
                "alone; name a time that every change moves (changed: …), if there is one",
            )
        for number, follow in enumerate(entity.follows, 1):
            here = f"{where}.follows.{number}"
            other = _described(cursor, follow.table, follow.column)
            if not other.is_view:
                yield from _identity(here, follow.table, follow.column, other)
                if has_publication and follow.column not in (other.published or ()):
                    yield here, _unpublished(follow.table, follow.column)


def _unpublished(table: str, column: str) -> str:
    return f"the publication {PUBLICATION} lacks {table} ({column}); run the administrator's script again"


def _identity(where: str, table: str, key: str, described: _Table) -> Iterator[Note]:
    if key in described.identity:
        return
    quoted = sql.Identifier(*table.split(".")).as_string()
    how = (
        f"REPLICA IDENTITY USING INDEX {described.key_index}"
        if described.key_index
        else "REPLICA IDENTITY FULL"
    )
    yield (
        where,
        f"a deleted or changed row of {table} is not known by {key} in the stream of changes; "
        f"ALTER TABLE {quoted} {how}; until then its changes are found by watermark and comparison",
    )


def _described(cursor: Any, table: str, key: str) -> _Table:
    name = sql.Identifier(*table.split(".")).as_string(cursor)
    cursor.execute(
        """
        SELECT c.relkind IN ('v', 'm', 'f'),
               CASE c.relreplident
                    WHEN 'f' THEN ARRAY(SELECT attname::text FROM pg_attribute
                                         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
                    WHEN 'n' THEN ARRAY[]::text[]
                    ELSE ARRAY(SELECT a.attname::text FROM pg_index i
                                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
                                WHERE i.indrelid = c.oid AND CASE c.relreplident
                                      WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)
               END,
               (SELECT quote_ident(ic.relname) FROM pg_index i
                  JOIN pg_class ic ON ic.oid = i.indexrelid
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attnotnull
                 WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL
                   AND i.indnatts = 1 AND a.attname = %(key)s ORDER BY ic.relname LIMIT 1),
               (SELECT p.attnames::text[] FROM pg_publication_tables p
                 WHERE p.pubname = %(publication)s AND p.schemaname = n.nspname AND p.tablename = c.relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = to_regclass(%(table)s)
        """,
        {"key": key, "publication": PUBLICATION, "table": name},
    )
    row = cursor.fetchone()
    if row is None:
        return _Table(True, frozenset(), None, None)
    is_view, identity, index, published = row
    return _Table(is_view, frozenset(identity), index, None if published is None else frozenset(published))
