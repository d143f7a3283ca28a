"""What a well-formed map must also be: every name that one part uses, another part gives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.crm.document import Path
from retrieval.crm.map import (
    Attribute,
    Condition,
    CrmMap,
    Entity,
    FactColumn,
    FactKind,
    IdentityColumn,
    IdentityType,
    IgnoredColumn,
    KeyColumn,
    Rule,
    SecretColumn,
    TextColumn,
    fill,
    own_columns,
    placeholders,
)

Finding = tuple[Path, str]

ROLE = "role"
"""The attribute whose values the roles of rules and fields are compared with."""

_CODES = frozenset({IdentityType.ACCOUNT, IdentityType.ID, IdentityType.USERNAME})
"""Identities that are codes of the company's own: a rule may compare them."""

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|`[^`]*`""")

_HASH = re.compile(r"#(?!>)")  # begins a comment in MySQL, and a path operator in PostgreSQL


def incoherences(crm_map: CrmMap) -> Iterator[Finding]:
    """Everything in the map that contradicts itself, as (path, sentence)."""
    yield from _users(crm_map)
    tables: dict[str, list[str]] = {}
    for name, entity in crm_map.entities.items():
        place: Path = ("entities", name)
        for other in tables.get(entity.table, ()):
            if not _apart(entity.where, crm_map.entities[other].where):
                yield (
                    (*place, "table"),
                    f"the table {entity.table} is already the entity {other}; map a table once, or tell the "
                    "rows of both apart by where: {column: value}",
                )
        tables.setdefault(entity.table, []).append(name)
        yield from _parents(crm_map, name, place)
        yield from _columns(crm_map, entity, place)
        yield from _named(entity, place)
        yield from _templates(entity, place)
        yield from _body(entity, place)
        yield from _lead(entity, place)
        yield from _fields(crm_map, entity, place)
        for number, rule in enumerate(entity.visible):
            yield from _rule(crm_map, entity, rule, (*place, "visible", number))


def _apart(one: Condition, other: Condition) -> bool:
    """Whether no row can meet both conditions."""
    return any(set(one[column]).isdisjoint(other[column]) for column in one.keys() & other.keys())


def _users(crm_map: CrmMap) -> Iterator[Finding]:
    attributes = crm_map.users.attributes
    for name, attribute in attributes.items():
        place: Path = ("users", "attributes", name)
        if sentence := _form(attribute):
            yield place, sentence
        needed = attribute.depends_on
        if needed is not None and needed not in attributes:
            yield (
                (*place, "in"),
                f"there is no attribute “{needed}”; add it to users.attributes or correct it",
            )
    for name in attributes:
        if name in _reached(attributes, name):
            yield ("users", "attributes", name), f"“{name}” depends on itself; break the circle"


def _form(attribute: Attribute) -> str | None:
    given = {
        key for key in ("column", "table", "user", "among", "value") if getattr(attribute, key) is not None
    }
    if given == {"column"}:
        return "a condition needs a table; name the table of the relation" if attribute.where else None
    if given in ({"table", "user", "value"}, {"table", "column", "among", "value"}):
        return None
    return (
        "an attribute is a column of the users table, or {table, user, value}, "
        "or {table, column, in, value}; give exactly one of these"
    )


def _reached(attributes: dict[str, Attribute], start: str) -> set[str]:
    reached: set[str] = set()
    step = attributes[start].depends_on
    while step is not None and step in attributes and step not in reached:
        reached.add(step)
        step = attributes[step].depends_on
    return reached


def _parents(crm_map: CrmMap, name: str, place: Path) -> Iterator[Finding]:
    parent = crm_map.entities[name].parent
    if parent is None:
        return
    if parent.entity not in crm_map.entities:
        yield (*place, "parent", "entity"), _no_entity(crm_map, parent.entity)
        return
    seen = {name}
    step: str | None = parent.entity
    while step is not None and step in crm_map.entities:
        if step == name:
            yield (
                (*place, "parent"),
                f"“{name}” is its own ancestor; a parent must lead to an entity without one",
            )
            return
        if step in seen:
            return
        seen.add(step)
        above = crm_map.entities[step].parent
        step = above.entity if above else None


def _columns(crm_map: CrmMap, entity: Entity, place: Path) -> Iterator[Finding]:
    hidden = _hidden(entity)
    for field, column in entity.columns.items():
        if isinstance(column, IdentityColumn | SecretColumn) and entity.key in entity.sources(field):
            kind = "identity" if isinstance(column, IdentityColumn) else "secret"
            yield (
                (*place, "key"),
                f"“{entity.key}” is also the {kind} “{field}”, and keys stand in references and the record; "
                "name a key that says nothing, such as a number",
            )
    for field, column in entity.columns.items():
        here: Path = (*place, "columns", field)
        if isinstance(column, KeyColumn) and column.entity and column.entity not in crm_map.entities:
            yield (*here, "entity"), _no_entity(crm_map, column.entity)
        if isinstance(column, FactColumn) and (column.kind is FactKind.MONEY) != (
            column.currency is not None
        ):
            yield here, "an amount of money has kind: money and a currency (EUR, USD …); give both or neither"
        if (
            isinstance(column, FactColumn)
            and column.choice
            and (column.of or column.kind is not FactKind.TEXT)
        ):
            yield (*here, "choice"), "only a column of its own with words in it can be a choice; take it out"
        if isinstance(column, SecretColumn | IgnoredColumn | KeyColumn):
            continue
        for source in entity.sources(field):
            if source.split(".", 1)[0] in hidden and source != field:
                yield (*here, "of"), f"“{source}” is secret or ignored and is never read; take it out"


def _named(entity: Entity, place: Path) -> Iterator[Finding]:
    """No part of an entity may need a column that is never read."""
    hidden = _hidden(entity)
    named: dict[Path, str | None] = {
        ("key",): entity.key,
        ("changed",): entity.changed,
        ("as_of",): entity.as_of,
        ("consent",): entity.consent,
        ("internal",): entity.internal,
        ("retention", "column"): entity.retention.column if entity.retention else None,
        ("parent", "column"): entity.parent.column if entity.parent else None,
        **{("where", column): column for column in entity.where},
        **{("flags", name): flag.column for name, flag in entity.flags.items()},
    }
    for part, used in named.items():
        if used in hidden:
            yield (*place, *part), f"the column {used} is secret or ignored and is never read; name another"


def _body(entity: Entity, place: Path) -> Iterator[Finding]:
    if entity.body is None:
        return
    here: Path = (*place, "body")
    columns = dict(entity.readable)
    named = placeholders(entity.body)
    for name in named:
        column = columns.get(name)
        if column is None:
            yield here, f"“{name}” is no text, fact or identity column; add it to columns or correct it"
        elif name in entity.fields:
            yield here, f"“{name}” is readable by some roles only and cannot be part of the body; take it out"
        elif isinstance(column, FactColumn) and column.live:
            yield here, f"“{name}” is live and read when it is asked for; take it out of the body"
    texts = [column for name in named if isinstance(column := columns.get(name), TextColumn)]
    if not texts:
        yield here, "no text column is in the body; name one, as in {description}, or remove body"
    if len({column.internal for column in texts}) > 1:
        yield here, "internal text and other text would be one; leave the internal columns out of the body"
    if "body" in columns and "body" not in named:
        yield here, "a column is called body too; name it in the template, as in {body}"
    if _open_brace(entity.body):
        yield here, "a brace is open; write names as {name}"


def _lead(entity: Entity, place: Path) -> Iterator[Finding]:
    columns = dict(entity.readable)
    for number, name in enumerate(entity.lead):
        column = columns.get(name)
        here: Path = (*place, "lead", number)
        if column is None or isinstance(column, TextColumn):
            yield here, f"“{name}” is no fact or identity column; name one, such as a date or a status"
        elif name in entity.fields:
            yield here, f"“{name}” is readable by some roles only and cannot head a passage; take it out"


def _templates(entity: Entity, place: Path) -> Iterator[Finding]:
    readable = {field for field, _ in entity.readable}
    keys = {entity.key, *(name for name, column in entity.columns.items() if isinstance(column, KeyColumn))}
    hidden = _hidden(entity)
    for part, template in (("label", entity.label), ("url", entity.url or "")):
        for name in placeholders(template):
            if name in hidden:
                yield (*place, part), f"“{name}” is secret or ignored and cannot be shown; take it out"
            elif name not in readable | keys:
                yield (*place, part), f"“{name}” is no mapped column; add it to columns or correct it"
            elif name in entity.fields:
                yield (*place, part), f"“{name}” is readable by some roles only and cannot title a record"
            elif part == "url" and name not in keys:
                yield (*place, part), f"a link holds keys only, and “{name}” is none; use {{{entity.key}}}"
        if _open_brace(template):
            yield (*place, part), "a brace is open; write names as {name}"
    if not placeholders(entity.label):
        yield (
            (*place, "label"),
            f"every record would have the same title; use a column, such as {{{entity.key}}}",
        )


def _fields(crm_map: CrmMap, entity: Entity, place: Path) -> Iterator[Finding]:
    readable = {field for field, _ in entity.readable}
    for field in entity.fields:
        if field not in readable:
            yield (
                (*place, "fields", field),
                f"“{field}” is no text, fact or identity column; correct it or remove it",
            )
        elif ROLE not in crm_map.users.attributes:
            yield (*place, "fields", field), _no_role()


def _rule(crm_map: CrmMap, entity: Entity, rule: Rule, place: Path) -> Iterator[Finding]:
    value = rule.column is not None or rule.value_sql is not None
    ways = [rule.everyone, value or rule.among is not None, rule.parent is not None]
    if rule.column is not None and rule.value_sql is not None:
        yield place, "column and value_sql both give the value; keep one of them"
    elif sum(ways) > 1:
        yield place, "a rule is everyone, or a column, or the parent; write one rule for each"
    if not any(ways) and not rule.roles:
        yield place, "the rule says nobody; give everyone, column and in, parent, or roles"
    if value != (rule.among is not None):
        yield place, "column and in belong together; write both, as in {column: owner_id, in: $user.id}"
    if rule.attribute and rule.attribute not in crm_map.users.attributes:
        known = ", ".join(f"$user.{name}" for name in crm_map.users.attributes) or "none"
        yield (
            (*place, "in"),
            f"there is no {rule.among}; known are {known}; add “{rule.attribute}” to users.attributes",
        )
    for part, expression in rule.sql_parts.items():
        if sentence := _expression(expression):
            yield (*place, part), sentence
    if rule.parent and (entity.parent is None or entity.parent.entity != rule.parent):
        yield (
            (*place, "parent"),
            f"“{rule.parent}” is not the parent of this entity; set parent: {{entity, column}}",
        )
    if rule.roles and ROLE not in crm_map.users.attributes:
        yield (*place, "roles"), _no_role()
    for field, one in entity.columns.items():
        if (
            isinstance(one, IdentityColumn)
            and one.type not in _CODES
            and rule.column in entity.sources(field)
        ):
            yield (
                place,
                f"“{rule.column}” is the identity “{field}”, and the index keeps what rules compare; name a "
                f"column with a key, or look it up: {{value_sql: (… = t.{rule.column}), in: $user.id}}",
            )
    hidden = _hidden(entity)
    for column in sorted(rule.read_columns):
        if column in hidden:
            yield place, f"the column {column} is secret or ignored and is never read; name another"


def _expression(expression: str) -> str | None:
    """What is wrong with SQL as far as its form shows it; the database says the rest."""
    plain = _QUOTED.sub("x", expression)
    if (
        any(sign in plain for sign in (";", "--", "/*"))
        or _HASH.search(plain)
        or plain.count("(") != plain.count(")")
    ):
        return "this is not one SQL expression; remove semicolons and comments, and close every bracket"
    if "'" in plain or '"' in plain or "`" in plain:
        return "a quotation mark is open; close it"
    if "{" in plain or "$" in plain:
        return "SQL is over the row alone and takes no names in braces and no $user; use in: $user.…"
    if not own_columns(expression):
        return "it names no column of the row; write columns as t.name"
    return None


def _open_brace(template: str) -> bool:
    return "{" in fill(template, {}) or "}" in fill(template, {})


def _hidden(entity: Entity) -> set[str]:
    return {
        name for name, column in entity.columns.items() if isinstance(column, SecretColumn | IgnoredColumn)
    }


def _no_entity(crm_map: CrmMap, name: str) -> str:
    return f"there is no entity “{name}”; known are {', '.join(crm_map.entities)}"


def _no_role() -> str:
    return "roles are compared with $user.role; add “role” to users.attributes"
