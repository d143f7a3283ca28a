"""What the CRM publishes, and of which kinds that tells everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from retrieval.crm import CrmMap
from retrieval.crm.database import AsyncConnection, dict_row, table_name
from retrieval.crm.map import Entity

from .errors import CannotDecode
from .transactions import Route

_OLDEST: Final = 130_000
_COLUMN_LISTS: Final = 150_000  # the first version that has them
_SAME_TEXT: Final = frozenset(
    {"smallint", "integer", "bigint", "text", "character varying", "uuid", "numeric"}
)
"""Types of keys that the stream writes as everybody else does."""

_SCRIPT: Final = "`cloister crm script` prints what the CRM's administrator runs."

_PUBLICATION: Final = """
SELECT p.oid::bigint AS oid, p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AS everything,
       current_setting('wal_level') AS wal_level, current_setting('server_version_num')::int AS version,
       r.rolreplication OR r.rolsuper AS may_replicate, pg_is_in_recovery() AS standby,
       (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keeps_mb
  FROM pg_roles r LEFT JOIN pg_publication p ON p.pubname = %(publication)s
 WHERE r.rolname = current_user
"""
_TABLE: Final = """
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relreplident::text AS identity,
       c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AS logged,
       coalesce((SELECT array_agg(a.attname::text ORDER BY a.attnum)
                   FROM pg_index i
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                  WHERE i.indrelid = c.oid AND (CASE c.relreplident WHEN 'd' THEN i.indisprimary
                                                                    WHEN 'i' THEN i.indisreplident END)),
                '{{}}') AS identified_by,
       (SELECT pr.oid::bigint FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid
         WHERE pr.prrelid = c.oid AND p.pubname = %(publication)s) AS membership,
       t.tablename IS NOT NULL AS published, {columns} AS columns, {filter} AS filtered,
       (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, NULL)) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS types
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_publication_tables t
    ON t.pubname = %(publication)s AND t.schemaname = n.nspname AND t.tablename = c.relname
 WHERE c.oid = to_regclass(%(table)s)
"""


class Gap(NamedTuple):
    """Something that the stream does not tell; a sentence for an administrator."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What is published for a map. `prints` changes for a kind when what is published of it does."""

    routes: Mapping[tuple[str, str], tuple[Route, ...]]
    covered: frozenset[str]
    gaps: tuple[Gap, ...]
    prints: Mapping[str, str]
    unlimited: bool
    """Whether a slot that nobody reads may fill the CRM's disk."""

    def of(self, schema: str, table: str) -> Sequence[Route]:
        """Which kinds a table is about."""
        return self.routes.get((schema, table), ())


@dataclass(frozen=True, slots=True)
class _Table:
    oid: int
    schema: str
    name: str
    identity: str
    logged: bool
    identified_by: Sequence[str]
    membership: int | None
    published: bool
    columns: Sequence[str] | None
    filtered: bool
    types: Mapping[str, str]

    def tells(self, column: str) -> bool:
        return self.published and (self.columns is None or column in self.columns)

    def identifies(self, column: str) -> bool:
        """Whether the old value of a column travels when the row is deleted or moves to another one."""
        return self.identity == "f" or column in self.identified_by


async def survey(connection: AsyncConnection[Any], crm_map: CrmMap, publication: str) -> Survey:
    """Look at what is published. Raises `CannotDecode` when there is nothing to be had."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_PUBLICATION, {"publication": publication})
        found = await cursor.fetchone()
        assert found is not None  # noqa: S101 - whoever is connected has a role
        if found["version"] < _OLDEST:
            raise CannotDecode("The CRM's PostgreSQL is older than version 13.")
        if found["standby"]:
            raise CannotDecode("The CRM's address is that of a standby; changes are decoded at the primary.")
        if found["wal_level"] != "logical":
            raise CannotDecode(f"The CRM's wal_level is {found['wal_level']}, not logical. {_SCRIPT}")
        if found["oid"] is None:
            raise CannotDecode(f"The CRM has no publication “{publication}”. {_SCRIPT}")
        if not found["may_replicate"]:
            raise CannotDecode(f"The CRM's role has no REPLICATION. {_SCRIPT}")
        if not found["everything"]:
            raise CannotDecode(f"The publication “{publication}” leaves out some kinds of changes. {_SCRIPT}")
        modern = found["version"] >= _COLUMN_LISTS
        query = _TABLE.format(
            columns="t.attnames::text[]" if modern else "NULL::text[]",
            filter="t.rowfilter IS NOT NULL" if modern else "false",
        )
        tables: dict[str, _Table | None] = {}
        for table in _tables(crm_map):
            named = table_name(table).as_string()
            await cursor.execute(query, {"publication": publication, "table": named})
            row = await cursor.fetchone()
            tables[table] = _Table(**row) if row else None
    return _surveyed(crm_map, tables, str(found["oid"]), unlimited=found["keeps_mb"] < 0)


def _tables(crm_map: CrmMap) -> list[str]:
    names = {entity.table for entity in crm_map.entities.values()}
    names |= {follow.table for entity in crm_map.entities.values() for follow in entity.follows}
    return sorted(names)


def _surveyed(
    crm_map: CrmMap, tables: Mapping[str, _Table | None], publication: str, *, unlimited: bool
) -> Survey:
    routes: dict[tuple[str, str], list[Route]] = {}
    gaps: list[Gap] = []
    prints: dict[str, str] = {}
    for kind, entity in crm_map.entities.items():
        own = [Gap(kind, sentence) for sentence in _gaps_of(entity, tables)]
        gaps += own
        for table, column, is_own in _sources(entity):
            if found := tables[table]:
                route = Route(kind, column, is_own, covered=not own)
                routes.setdefault((found.schema, found.name), []).append(route)
        prints[kind] = ";".join([publication, *(_print(tables[table]) for table, _, _ in _sources(entity))])
    return Survey(
        {table: tuple(found) for table, found in routes.items()},
        frozenset(crm_map.entities) - {gap.kind for gap in gaps},
        tuple(gaps),
        prints,
        unlimited,
    )


def _sources(entity: Entity) -> list[tuple[str, str, bool]]:
    return [
        (entity.table, entity.key, True),
        *((follow.table, follow.column, False) for follow in entity.follows),
    ]


def _gaps_of(entity: Entity, tables: Mapping[str, _Table | None]) -> list[str]:
    sentences = []
    for name, column, _ in _sources(entity):
        table = tables[name]
        if table is None:
            sentences.append(f"there is no table {name} that this role can find")
        elif not table.logged:
            sentences.append(f"{name} is no table that PostgreSQL writes into its log")
        elif not table.published:
            sentences.append(f"{name} is not in the publication")
        elif table.filtered:
            sentences.append(f"the publication leaves out rows of {name}")
        elif not table.tells(column):
            sentences.append(f"the publication leaves out {name}.{column}")
        elif not table.identifies(column):
            sentences.append(f"{name}.{column} is not part of the table's replica identity")
        elif table.types.get(column) not in _SAME_TEXT:
            sentences.append(
                f"the stream writes {name}.{column} in another form, as it is {table.types.get(column)}"
            )
    return sentences


def _print(table: _Table | None) -> str:
    if table is None:
        return "none"
    columns = "*" if table.columns is None else ",".join(table.columns)
    parts = (table.oid, table.membership, table.published, table.filtered, table.identity, columns)
    return "/".join(map(str, parts)) + "/" + ",".join(table.identified_by)
