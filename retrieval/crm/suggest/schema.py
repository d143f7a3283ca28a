"""The tables of a live PostgreSQL schema, as far as a map can be guessed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retrieval.crm.database import Connection, sql, tuple_row
from retrieval.crm.errors import CrmRefused
from retrieval.crm.names import singular


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """``type_name`` is PostgreSQL's own (``int4``, ``_text`` for an array)."""

    name: str
    type_name: str
    required: bool = False
    labels: tuple[str, ...] = ()
    """The values of an enumeration, which the schema names."""

    @property
    def is_text(self) -> bool:
        return self.type_name in ("text", "varchar", "bpchar", "citext") or bool(self.labels)

    @property
    def is_number(self) -> bool:
        return self.type_name in ("int2", "int4", "int8", "numeric", "float4", "float8", "money")

    @property
    def is_moment(self) -> bool:
        return self.type_name in ("timestamp", "timestamptz")


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a row of ``table``; ``declared`` by a foreign key, or likely by its name."""

    column: str
    table: str
    declared: bool = True


@dataclass(frozen=True, slots=True)
class LiveTable:
    """``key`` is a column that alone tells rows apart; ``rows`` is the planner's estimate."""

    name: str
    columns: tuple[LiveColumn, ...]
    key: str | None = None
    references: tuple[Reference, ...] = ()
    rows: int = 0
    by_name: Mapping[str, LiveColumn] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    def reference(self, column: str) -> Reference | None:
        return next((each for each in self.references if each.column == column), None)

    def first(self, *names: str) -> LiveColumn | None:
        """The first of these columns that the table has; case and underscores do not count."""
        plain = {column.name.replace("_", "").lower(): column for column in self.columns}
        found = (plain.get(name.replace("_", "")) for name in names)
        return next((column for column in found if column), None)


@dataclass(frozen=True, slots=True)
class LiveSchema:
    name: str
    tables: tuple[LiveTable, ...]

    def table(self, name: str) -> LiveTable | None:
        return next((table for table in self.tables if table.name == name), None)


def read_schema(connection: Connection[Any], schema: str) -> LiveSchema:
    """The tables and views of ``schema`` that this role can read something of, in the order of their names.

    Raises :class:`CrmRefused` when there are none.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        columns = _columns(cursor, schema)
        keys, references, rows = _keys(cursor, schema), _references(cursor, schema), _rows(cursor, schema)
    if not columns:
        raise CrmRefused(
            f"There is no table in the schema {schema} that this role can read; name another (--schema), or "
            "grant SELECT."
        )
    tables = tuple(
        LiveTable(name, tuple(found), keys.get(name), tuple(references.get(name, ())), rows.get(name, 0))
        for name, found in sorted(columns.items())
    )
    return LiveSchema(schema, likely_references(tables))


def likely_references(tables: tuple[LiveTable, ...]) -> tuple[LiveTable, ...]:
    """The same with columns that name another table's rows by their own name only: account_id."""
    owners = {singular(table.name): table for table in tables if table.key}
    return tuple(
        LiveTable(
            table.name,
            table.columns,
            table.key,
            (*table.references, *(_likely(table, owners))),
            table.rows,
        )
        for table in tables
    )


def _likely(table: LiveTable, owners: Mapping[str, LiveTable]) -> list[Reference]:
    known = {reference.column for reference in table.references}
    found = []
    for column in table.columns:
        stem = column.name.removesuffix("_id").removesuffix("Id")
        other = owners.get(stem)
        if column.name in known or stem == column.name or column.name == table.key or other is None:
            continue
        if other.by_name[str(other.key)].type_name == column.type_name:
            found.append(Reference(column.name, other.name, declared=False))
    return found


def _columns(cursor: Any, schema: str) -> dict[str, list[LiveColumn]]:
    cursor.execute(
        """
        SELECT c.relname, a.attname, t.typname, a.attnotnull,
               ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
                      ORDER BY e.enumsortorder)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid
         WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
           AND has_column_privilege(c.oid, a.attnum, 'SELECT')
         ORDER BY c.relname, a.attnum
        """,
        [schema],
    )
    found: dict[str, list[LiveColumn]] = {}
    for table, name, kind, required, labels in cursor.fetchall():
        found.setdefault(table, []).append(LiveColumn(name, kind, required, tuple(labels)))
    return found


def _keys(cursor: Any, schema: str) -> dict[str, str]:
    cursor.execute(
        """
        SELECT DISTINCT ON (c.relname) c.relname, a.attname
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attnotnull
         WHERE n.nspname = %s AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1
         ORDER BY c.relname, i.indisprimary DESC, a.attnum
        """,
        [schema],
    )
    return dict(cursor.fetchall())


def _references(cursor: Any, schema: str) -> dict[str, list[Reference]]:
    cursor.execute(
        """
        SELECT DISTINCT c.relname, a.attname, o.relname
          FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_class o ON o.oid = f.confrelid AND o.relnamespace = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
         WHERE n.nspname = %s AND f.contype = 'f' AND cardinality(f.conkey) = 1
         ORDER BY 1, 2, 3
        """,
        [schema],
    )
    found: dict[str, list[Reference]] = {}
    for table, column, other in cursor.fetchall():
        found.setdefault(table, []).append(Reference(column, other))
    return found


def _rows(cursor: Any, schema: str) -> dict[str, int]:
    cursor.execute(
        """
        SELECT c.relname, greatest(c.reltuples, 0)::bigint
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'f', 'm')
        """,
        [schema],
    )
    return dict(cursor.fetchall())


def sample(connection: Connection[Any], schema: str, table: LiveTable, limit: int) -> list[dict[str, Any]]:
    """Up to ``limit`` rows of the table's text columns, the same ones each time where nothing changed."""
    columns = [column.name for column in table.columns if column.is_text]
    if not columns:
        return []
    statement = sql.SQL("SELECT {} FROM {} ORDER BY {} LIMIT {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns),
        sql.Identifier(schema, table.name),
        sql.Identifier(table.key) if table.key else sql.SQL("1"),
        sql.Literal(limit),
    )
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [dict(zip(columns, row, strict=True)) for row in cursor.execute(statement)]
