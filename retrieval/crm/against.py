"""Compares a map with the CRM database it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.crm.database import Connection, connect, sql, translated, tuple_row
from retrieval.crm.errors import Problem
from retrieval.crm.load import load_map, with_lines
from retrieval.crm.map import Attribute, Condition, CrmMap, Entity, attribute_of
from retrieval.crm.users import columns_read

_FAMILIES = {
    "int2": "whole number",
    "int4": "whole number",
    "int8": "whole number",
    "text": "text",
    "varchar": "text",
    "uuid": "uuid",
    "bool": "boolean",
    "citext": "text without case",
}


@dataclass(frozen=True, slots=True)
class _Column:
    type_name: str
    is_enum: bool
    readable: bool
    unique: bool

    @property
    def family(self) -> str:
        return "text" if self.is_enum else _FAMILIES.get(self.type_name, self.type_name)


Tables = Mapping[str, Mapping[str, _Column]]


def check_map_against(crm_map: CrmMap, connection: Connection[Any]) -> list[Problem]:
    """What the map asks of the database and does not find: tables, columns, unique keys, types that can be
    compared, and the right to read them. Empty when the map fits. Problems have no line (0): a map that was
    read knows nothing of its file."""
    tables = _tables(crm_map, connection)
    findings = [*_missing(crm_map, tables)]
    if not findings:
        findings = [*_unfit(crm_map, tables)]
    return [Problem(0, where, sentence) for where, sentence in dict.fromkeys(findings)]


def check_map_at(path: Path | str, dsn: str) -> list[Problem]:
    """:func:`check_map_against` for a file, on a connection of its own; problems have their lines.

    Raises :class:`MapInvalid`, :class:`CrmUnavailable` and :class:`CrmRefused`.
    """
    crm_map = load_map(path)
    with connect(dsn, application_name="cloister-check") as connection:
        return with_lines(path, check_map_against(crm_map, connection))


def _tables(crm_map: CrmMap, connection: Connection[Any]) -> Tables:
    names = {entity.table for entity in crm_map.entities.values()}
    names |= {table for table, _ in columns_read(crm_map)}
    with translated(), connection.cursor(row_factory=tuple_row) as cursor:
        return {name: _described(cursor, name) for name in sorted(names)}


def _described(cursor: Any, table: str) -> dict[str, _Column]:
    cursor.execute(
        """
        SELECT a.attname, t.typname, t.typtype = 'e',
               has_column_privilege(c.oid, a.attnum, 'SELECT'),
               EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique
                       AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid
         WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        """,
        [sql.Identifier(*table.split(".")).as_string(cursor)],
    )
    return {name: _Column(kind, enum, may, unique) for name, kind, enum, may, unique in cursor.fetchall()}


def _missing(crm_map: CrmMap, tables: Tables) -> Iterator[tuple[str, str]]:
    for name, entity in crm_map.entities.items():
        where = f"entities.{name}"
        if not tables[entity.table]:
            yield where, _no_table(entity.table)
            continue
        for column in entity.read_columns:
            here = f"{where}.columns.{column}" if column in entity.columns else where
            yield from _columns(here, entity.table, [column], tables)
        key = tables[entity.table].get(entity.key)
        if key and not key.unique:
            yield (
                f"{where}.key",
                f"{entity.table}.{entity.key} has no unique index; name the column that tells rows apart",
            )
    by_table: dict[str, list[str]] = {}
    for table, column in columns_read(crm_map):
        by_table.setdefault(table, []).append(column)
    for table, columns in by_table.items():
        if not tables[table]:
            yield "users", _no_table(table)
        else:
            yield from _columns("users", table, dict.fromkeys(columns), tables)


def _columns(where: str, table: str, columns: Any, tables: Tables) -> Iterator[tuple[str, str]]:
    for column in columns:
        found = tables[table].get(column)
        if found is None:
            known = ", ".join(sorted(tables[table]))
            yield where, f"the table {table} has no column {column}; it has {known}"
        elif not found.readable:
            yield where, f"this role may not read {table}.{column}; grant it SELECT on that column"


def _unfit(crm_map: CrmMap, tables: Tables) -> Iterator[tuple[str, str]]:
    users = crm_map.users
    for name, attribute in users.attributes.items():
        where = f"users.attributes.{name}"
        if attribute.table:
            yield from _conditions(where, attribute.table, attribute.where, tables)
        if attribute.table and attribute.user:
            yield from _same(where, (attribute.table, attribute.user), (users.table, users.key), tables)
        elif attribute.table and attribute.depends_on:
            source = _source(crm_map, users.attributes[attribute.depends_on])
            yield from _same(where, (attribute.table, str(attribute.column)), source, tables)
    if users.active:
        yield from _conditions(
            "users.active", users.table, {users.active.column: users.active.equals}, tables
        )
    for name, entity in crm_map.entities.items():
        yield from _entity(crm_map, name, entity, tables)


def _entity(crm_map: CrmMap, name: str, entity: Entity, tables: Tables) -> Iterator[tuple[str, str]]:
    where = f"entities.{name}"
    if entity.parent:
        above = crm_map.entities[entity.parent.entity]
        yield from _same(
            f"{where}.parent", (entity.table, entity.parent.column), (above.table, above.key), tables
        )
    for part, column in (("consent", entity.consent), ("internal", entity.internal)):
        if column and tables[entity.table][column].family != "boolean":
            yield (
                f"{where}.{part}",
                f"{entity.table}.{column} is no boolean; name a column that is true or false",
            )
    if entity.changed and tables[entity.table][entity.changed].type_name not in ("timestamptz", "timestamp"):
        yield (
            f"{where}.changed",
            f"{entity.table}.{entity.changed} is no point in time; name one or leave it out",
        )
    for number, rule in enumerate(entity.visible, 1):
        here = f"{where}.visible.{number}"
        yield from _conditions(here, entity.table, rule.where, tables)
        if rule.column and rule.among:
            attribute = crm_map.users.attributes[attribute_of(rule.among)]
            yield from _same(here, (entity.table, rule.column), _source(crm_map, attribute), tables)


def _source(crm_map: CrmMap, attribute: Attribute) -> tuple[str, str]:
    if attribute.table:
        return attribute.table, str(attribute.value)
    return crm_map.users.table, str(attribute.column)


def _same(
    where: str, one: tuple[str, str], other: tuple[str, str], tables: Tables
) -> Iterator[tuple[str, str]]:
    left, right = (tables[table][column].family for table, column in (one, other))
    right = _FAMILIES.get(right.removeprefix("_"), right)
    if left != right:
        yield (
            where,
            f"{'.'.join(one)} is {left} and {'.'.join(other)} is {right}; name columns that can be compared",
        )


def _conditions(where: str, table: str, condition: Condition, tables: Tables) -> Iterator[tuple[str, str]]:
    wanted: dict[type, str] = {bool: "boolean", int: "whole number", str: "text"}
    for column, values in condition.items():
        family = tables[table][column].family
        for value in values:
            if value is not None and wanted[type(value)] != family:
                yield where, f"{table}.{column} is {family} and cannot be {value!r}; correct the value"


def _no_table(table: str) -> str:
    return f"there is no table {table} that this role can find; correct its name, or import the data first"
