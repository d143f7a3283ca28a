"""Compares a map with the CRM database it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from retrieval.crm.database import Connection, connect, sql, translated, tuple_row
from retrieval.crm.errors import Problem
from retrieval.crm.expressions import Told, ask
from retrieval.crm.following import notes_on_following
from retrieval.crm.importer import STAFF
from retrieval.crm.load import load_map, with_lines
from retrieval.crm.map import Attribute, Condition, CrmMap, Entity, Rule, attribute_of

_FEW = 12
_TIMES = ("timestamptz", "timestamp")
_FAMILIES = {
    "int2": "whole number",
    "int4": "whole number",
    "int8": "whole number",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
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
    of_view: bool = False

    @property
    def family(self) -> str:
        return "text" if self.is_enum else _FAMILIES.get(self.type_name, self.type_name)


Tables = Mapping[str, Mapping[str, _Column]]


def check_map_against(crm_map: CrmMap, connection: Connection[Any]) -> list[Problem]:
    """What the map asks of the database and does not find: tables, columns, unique keys, types that can be
    compared, SQL that can be run, and the right to read it all. Empty when the map fits. Problems have no
    line (0): a map that was read knows nothing of its file."""
    tables = _tables(crm_map, connection)
    findings = [*_missing(crm_map, tables)]
    if not findings:
        findings = [*_unfit(crm_map, tables), *_sql(crm_map, tables, connection)]
    return [Problem(0, where, sentence) for where, sentence in dict.fromkeys(findings)]


def check_map_at(path: Path | str, dsn: str) -> list[Problem]:
    """:func:`check_map_against` for a file, on a connection of its own; problems have their lines.

    Raises :class:`MapInvalid`, :class:`CrmUnavailable` and :class:`CrmRefused`.
    """
    crm_map = load_map(path)
    with connect(dsn, application_name="cloister-check") as connection:
        return with_lines(path, check_map_against(crm_map, connection))


def notes_at(path: Path | str, dsn: str) -> list[Problem]:
    """How changes of the mapped tables can be followed, and what the CRM's administrator may do for it, with
    the lines of the map. None of it is a fault: without all of it, changes are found by comparison.

    Raises like :func:`check_map_at`.
    """
    crm_map = load_map(path)
    with connect(dsn, application_name="cloister-check") as connection:
        return with_lines(path, notes_on_following(crm_map, connection))


def _tables(crm_map: CrmMap, connection: Connection[Any]) -> Tables:
    names = {entity.table for entity in crm_map.entities.values()}
    names |= {table for _, table, _ in _of_users(crm_map)}
    names |= {follow.table for entity in crm_map.entities.values() for follow in entity.follows}
    with translated(), connection.cursor(row_factory=tuple_row) as cursor:
        return {name: _described(cursor, name) for name in sorted(names)}


def _described(cursor: Any, table: str) -> dict[str, _Column]:
    cursor.execute(
        """
        SELECT a.attname, t.typname, t.typtype = 'e',
               has_column_privilege(c.oid, a.attnum, 'SELECT'),
               EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique
                       AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum),
               c.relkind = 'v'
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid
         WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        """,
        [sql.Identifier(*table.split(".")).as_string(cursor)],
    )
    return {name: _Column(*described) for name, *described in cursor.fetchall()}


def _missing(crm_map: CrmMap, tables: Tables) -> Iterator[tuple[str, str]]:
    for name, entity in crm_map.entities.items():
        where = f"entities.{name}"
        if not tables[entity.table]:
            yield where, _no_table(entity.table)
            continue
        places = _places(entity)
        for column in entity.read_columns:
            here = ".".join([where, *places.get(column, ())])
            yield from _columns(here, entity.table, [column], tables)
        key = tables[entity.table].get(entity.key)
        if key and not key.unique and not key.of_view:
            yield (
                f"{where}.key",
                f"{entity.table}.{entity.key} has no unique index; name the column that tells rows apart",
            )
        for number, follow in enumerate(entity.follows, 1):
            here = f"{where}.follows.{number}"
            if not tables[follow.table]:
                yield here, _no_table(follow.table)
            else:
                yield from _columns(here, follow.table, follow.read_columns, tables)
    if not tables[crm_map.users.table]:
        yield "users.table", _no_users(crm_map)
    for where, table, columns in _of_users(crm_map):
        if not tables[table] and table == crm_map.users.table:
            continue
        if not tables[table]:
            yield where, _no_table(table)
        else:
            yield from _columns(where, table, columns, tables)


def _places(entity: Entity) -> dict[str, tuple[str, ...]]:
    """Column → where the entity names it, for those that are read."""
    named: dict[str | None, tuple[str, ...]] = {}
    for number, rule in enumerate(entity.visible, 1):
        named |= dict.fromkeys(rule.read_columns, ("visible", str(number)))
    named |= {flag.column: ("flags", name) for name, flag in entity.flags.items()}
    named |= {column: ("where", column) for column in entity.where}
    named[entity.retention.column if entity.retention else None] = ("retention", "column")
    named[entity.parent.column if entity.parent else None] = ("parent", "column")
    for part in ("internal", "consent", "as_of", "changed", "key"):
        named[getattr(entity, part)] = (part,)
    for field in entity.columns:
        named |= {source.split(".", 1)[0]: ("columns", field) for source in entity.sources(field)}
    return {column: place for column, place in named.items() if column is not None}


def _of_users(crm_map: CrmMap) -> Iterator[tuple[str, str, list[str]]]:
    """(place in the map, table, columns) for everything that finding a user reads."""
    users = crm_map.users
    yield "users.key", users.table, [users.key]
    yield "users.login", users.table, [users.login]
    yield "users.where", users.table, list(users.where)
    if users.active:
        yield "users.active", users.table, [users.active.column]
    for name, attribute in users.attributes.items():
        named = (attribute.column, attribute.user, attribute.value, *attribute.where)
        columns = [column for column in named if column]
        yield f"users.attributes.{name}", attribute.table or users.table, columns


def _columns(where: str, table: str, columns: Any, tables: Tables) -> Iterator[tuple[str, str]]:
    for column in columns:
        found = tables[table].get(column)
        if found is None:
            yield (
                where,
                f"the table {table} has no column {column}; name one of {_like(column, tables[table])}",
            )
        elif not found.readable:
            yield where, f"this role may not read {table}.{column}; grant it SELECT on that column"


def _like(name: str, known: Iterable[str]) -> str:
    """The likeliest of ``known`` to be meant, or all where there are few."""
    names = sorted(known)
    near = get_close_matches(name, names, n=_FEW, cutoff=0.5)
    rest = [other for other in names if other not in near] if len(names) <= _FEW or not near else []
    shown = [*near, *rest]
    return ", ".join(shown[:_FEW]) + (" …" if len(shown) > _FEW else "")


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
    yield from _conditions("users.where", users.table, users.where, tables)
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
    moments = (
        ("changed", entity.changed, _TIMES),
        ("as_of", entity.as_of, (*_TIMES, "date")),
        ("retention", entity.retention.column if entity.retention else None, (*_TIMES, "date")),
    )
    for part, column, types in moments:
        if column and tables[entity.table][column].type_name not in types:
            yield f"{where}.{part}", f"{entity.table}.{column} is no point in time; name one or leave it out"
    yield from _conditions(f"{where}.where", entity.table, entity.where, tables)
    for name, flag in entity.flags.items():
        yield from _conditions(f"{where}.flags.{name}", entity.table, {flag.column: flag.equals}, tables)
    for number, follow in enumerate(entity.follows, 1):
        here = f"{where}.follows.{number}"
        yield from _same(here, (follow.table, follow.column), (entity.table, entity.key), tables)
        yield from _conditions(here, follow.table, follow.where, tables)
    for number, rule in enumerate(entity.visible, 1):
        here = f"{where}.visible.{number}"
        yield from _conditions(here, entity.table, rule.where, tables)
        if rule.column and rule.among:
            attribute = crm_map.users.attributes[attribute_of(rule.among)]
            yield from _same(here, (entity.table, rule.column), _source(crm_map, attribute), tables)


def _sql(crm_map: CrmMap, tables: Tables, connection: Connection[Any]) -> Iterator[tuple[str, str]]:
    for name, entity in crm_map.entities.items():
        for number, rule in enumerate(entity.visible, 1):
            for part, expression in rule.sql_parts.items():
                told = ask(connection, entity.table, expression)
                if sentence := _wrong(crm_map, rule, part, told, tables):
                    yield f"entities.{name}.visible.{number}.{part}", sentence


def _wrong(crm_map: CrmMap, rule: Rule, part: str, told: Told, tables: Tables) -> str | None:
    if told.refusal:
        return f"the database refuses this SQL: {told.refusal}; correct it, or grant SELECT on what it reads"
    if part == "where_sql":
        return (
            None if told.type_name == "bool" else f"this gives {told.type_name}; a condition is true or false"
        )
    if rule.attribute is None or told.type_name in ("json", "jsonb"):  # members are compared as text
        return None
    table, column = _source(crm_map, crm_map.users.attributes[rule.attribute])
    wanted = _element(tables[table][column].family)
    given = "text" if told.is_enum else _element(told.type_name)
    if wanted == given:
        return None
    return (
        f"this gives {given} and {table}.{column} is {wanted}; cast one of them so that they can be compared"
    )


def _element(type_name: str) -> str:
    """The family of a type, or of what an array of it holds."""
    return _FAMILIES.get(type_name.removeprefix("_"), type_name)


def _source(crm_map: CrmMap, attribute: Attribute) -> tuple[str, str]:
    if attribute.table:
        return attribute.table, str(attribute.value)
    return crm_map.users.table, str(attribute.column)


def _same(
    where: str, one: tuple[str, str], other: tuple[str, str], tables: Tables
) -> Iterator[tuple[str, str]]:
    left, right = (tables[table][column].family for table, column in (one, other))
    right = _element(right)
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


def _no_users(crm_map: CrmMap) -> str:
    """What to do about an export that says nothing of who may sign in."""
    users = crm_map.users
    own = [one for place, table, columns in _of_users(crm_map) if table == users.table for one in columns]
    file = f"{users.table.rpartition('.')[2]}.csv"
    sentence = (
        f"{_no_table(users.table)}. Nobody can sign in without it; where an export does not say who may, put "
        f"a file {file} with the columns {', '.join(dict.fromkeys(own))} into its folder, a row a person"
    )
    by_option = users.table.rpartition(".")[2] == STAFF
    return f"{sentence}, or give `cloister crm import` --staff LOGIN:ROLE" if by_option else sentence


def _no_table(table: str) -> str:
    return f"there is no table {table} that this role can find; correct its name, or import the data first"
