"""Who may see a row: as keys for an index, and as SQL for the CRM itself.

Both say the same: a user sees a row when :func:`acl_keys` of the row and :func:`grant_keys` of the user
share a key, and exactly then :func:`visible_sql` is true for it. A row without a key is seen by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from retrieval.crm.clauses import (
    Bool,
    all_of,
    among,
    among_members,
    any_of,
    bind,
    calendar_day,
    meets,
    table,
    written,
)
from retrieval.crm.coherence import ROLE
from retrieval.crm.map import Condition, CrmMap, Entity, Row, Rule, Scalar

UserAttributes = Mapping[str, Collection[Any]]
"""Attribute → its values; a user without teams has an empty collection, never a missing one."""

EVERYONE: Final = "everyone"

_ASKED_OF = re.compile(r"^[a-z][a-z0-9_]*(?:\.[\w$ -]+|#\d+)?(?=[~@])")
_FROM_ABOVE = re.compile(r"^[a-z][a-z0-9_]*\^@[\w ,-]+/")


def rows_of(entity: Entity) -> sa.FromClause:
    """The entity's table as `t`, with the columns that Cloister reads: what predicates are made over."""
    return table(entity.table, entity.read_columns).alias("t")


def computed(entity: Entity) -> dict[str, str]:
    """Name in a row → SQL, for every part of a rule that the CRM computes: `_rule_0_value`, `_rule_0_where`.

    A statement whose rows are given to :func:`acl_keys` selects them besides the `read_columns`.
    """
    return {
        f"_rule_{number}_{part.removesuffix('_sql')}": expression
        for number, rule in enumerate(entity.visible)
        for part, expression in rule.sql_parts.items()
    }


def acl_keys(crm_map: CrmMap, entity: str, row: Row, parent_keys: Collection[str] = ()) -> list[str]:
    """The keys that let a user see ``row``; sorted, without doubles.

    ``row`` holds at least the entity's ``read_columns`` and what is :func:`computed`. ``parent_keys`` are the
    keys of the row's parent (none when it has no parent row).
    """
    mapped = crm_map.entities[entity]
    if not exists(mapped, row) or not consents(mapped, row):
        return []
    found: set[str] = set()
    for number, rule in enumerate(mapped.visible):
        if not _holds(rule.where, row) or not (
            rule.where_sql is None or row[f"_rule_{number}_where"] is True
        ):
            continue
        prefix = _prefix(entity, number, rule)
        if rule.parent:
            found.update(f"{prefix}/{key}" if rule.roles else key for key in parent_keys)
        elif rule.attribute:
            found.update(f"{prefix}={value}" for value in _values(number, rule, row) if value is not None)
        else:
            found.add(prefix)
    return sorted(found)


def grant_keys(crm_map: CrmMap, user: UserAttributes) -> list[str]:
    """Every key that this user holds; sorted, without doubles."""
    found: set[str] = set()
    for entity in crm_map.entities:
        found.update(_grants(crm_map, entity, user))
    return sorted(found)


def covers(above: Collection[str], keys: Collection[str]) -> bool:
    """Whether whoever holds one of `keys` surely holds one of `above`; says no rather than guess."""
    if EVERYONE in above:
        return True
    asked = {_asked(key) for key in above}
    return bool(above) and all(any(one in asked for one in _entailed(key)) for key in keys)


def visible_sql(
    crm_map: CrmMap, entity: str, user: UserAttributes, source: sa.FromClause | None = None
) -> Bool:
    """The WHERE predicate "this user may see the row" over ``source`` (:func:`rows_of` the entity).

    Of the user it holds the roles alone: the statement is run with :func:`parameters`, so it can be kept for
    everybody with these roles. It is never true for a row that does not exist for Cloister or is without
    consent. It may be NULL, which a WHERE takes as false: do not negate it.
    """
    mapped = crm_map.entities[entity]
    return _predicate(crm_map, entity, user, rows_of(mapped) if source is None else source, 0)


def exists_sql(entity: Entity, source: sa.FromClause) -> list[Bool]:
    """The conditions under which a row exists for Cloister: the entity's own, and not too old.

    The statement is run with :func:`ages`.
    """
    found = meets(source, entity.where)
    if entity.retention:
        column = source.c[entity.retention.column]
        found.append(any_of([column.is_(None), calendar_day(column) >= bind(_age(entity.retention.days))]))
    return found


def parameters(crm_map: CrmMap, user: UserAttributes) -> dict[str, Any]:
    """The values with which :func:`visible_sql` of any entity is run for this user."""
    found: dict[str, Any] = {}
    for name, entity in crm_map.entities.items():
        for number, rule in enumerate(entity.visible):
            if rule.attribute:
                values = [value for value in user[rule.attribute] if value is not None]
                found[_theirs(name, number)] = values if rule.column else [str(value) for value in values]
    return found | ages(crm_map)


def ages(crm_map: CrmMap) -> dict[str, Any]:
    """The values with which :func:`exists_sql` of any entity is run."""
    retentions = [entity.retention for entity in crm_map.entities.values() if entity.retention]
    return {_age(one.days): _oldest(one.days) for one in retentions}


def roles_that_count(crm_map: CrmMap, user: UserAttributes) -> frozenset[str]:
    """Those roles of the user that rules name: :func:`visible_sql` is the same for whoever has the same."""
    named = {role for entity in crm_map.entities.values() for rule in entity.visible for role in rule.roles}
    return frozenset(named.intersection(user[ROLE])) if named else frozenset()


def exists(entity: Entity, row: Row) -> bool:
    """Whether the row exists for Cloister at all."""
    if not _holds(entity.where, row):
        return False
    if entity.retention is None or row[entity.retention.column] is None:
        return True
    day = row[entity.retention.column]
    day = day.date() if isinstance(day, datetime) else day
    return isinstance(day, date) and day >= _oldest(entity.retention.days)


def may_see_field(entity: Entity, field: str, user: UserAttributes) -> bool:
    """Whether a user who sees the row may read this field of it."""
    right = entity.fields.get(field)
    return right is None or _has_role(right.roles, user)


def consents(entity: Entity, row: Row) -> bool:
    """Whether the row may be processed at all. Without a consent column everything may."""
    return entity.consent is None or row[entity.consent] is True


def _grants(crm_map: CrmMap, entity: str, user: UserAttributes) -> set[str]:
    found: set[str] = set()
    for number, rule in enumerate(crm_map.entities[entity].visible):
        if rule.roles and not _has_role(rule.roles, user):
            continue
        prefix = _prefix(entity, number, rule)
        if rule.parent:
            above = _grants(crm_map, rule.parent, user)
            found.update(f"{prefix}/{key}" if rule.roles else key for key in above)
        elif rule.attribute:
            found.update(f"{prefix}={value}" for value in user[rule.attribute] if value is not None)
        else:
            found.add(prefix)
    return found


def _prefix(entity: str, number: int, rule: Rule) -> str:
    """What a rule asks of the user; what it asks of the row (``where``) decides if the row has the key."""
    if rule.everyone and not rule.roles:
        return EVERYONE
    roles = f"@{','.join(sorted(set(rule.roles)))}" if rule.roles else ""
    if rule.attribute:
        # what SQL computes has no name of its own: the rule's place in the map tells it from others
        value = f".{rule.column}" if rule.column else f"#{number}"
        return f"{entity}{value}~{rule.attribute}{roles}"
    return f"{entity}{'^' if rule.parent else ''}{roles}"


def _entailed(key: str) -> Iterator[str]:
    """What a key asks of its holder, and what the key asks that it was made of for some roles."""
    yield _asked(key)
    while found := _FROM_ABOVE.match(key):
        key = key[found.end() :]
        yield _asked(key)


def _asked(key: str) -> str:
    """What a key asks of its holder, without the kind and the column of the row that it is of."""
    return _ASKED_OF.sub("", key)


def _values(number: int, rule: Rule, row: Row) -> Collection[Any]:
    """What a rule compares of a row: the value of its column, or the members of the array that SQL gives."""
    value = row[rule.column] if rule.column else row[f"_rule_{number}_value"]
    return value if isinstance(value, list | tuple) and rule.value_sql else (value,)


def _predicate(crm_map: CrmMap, entity: str, user: UserAttributes, source: sa.FromClause, depth: int) -> Bool:
    mapped = crm_map.entities[entity]
    ways = list(_ways(crm_map, entity, user, source, depth))
    needed = exists_sql(mapped, source)
    if mapped.consent:
        needed.append(source.c[mapped.consent].is_(sa.true()))
    return all_of([*needed, any_of(ways)])


def _ways(
    crm_map: CrmMap, entity: str, user: UserAttributes, source: sa.FromClause, depth: int
) -> Iterator[Bool]:
    """Each rule that may hold for somebody with these roles."""
    mapped = crm_map.entities[entity]
    for number, rule in enumerate(mapped.visible):
        if rule.roles and not _has_role(rule.roles, user):
            continue
        needed = meets(source, rule.where)
        if rule.where_sql:
            needed.append(written(rule.where_sql))
        if rule.parent:
            needed.append(_seen_parent(crm_map, mapped, user, source, depth))
        elif rule.attribute:
            values = bind(_theirs(entity, number))
            needed.append(
                among(source.c[rule.column], values)
                if rule.column
                else among_members(written(str(rule.value_sql)), values)
            )
        yield all_of(needed)


def _seen_parent(
    crm_map: CrmMap, entity: Entity, user: UserAttributes, source: sa.FromClause, depth: int
) -> Bool:
    if entity.parent is None:
        raise ValueError("a rule names a parent that the entity does not have")
    above = crm_map.entities[entity.parent.entity]
    up = table(above.table, above.read_columns).alias(f"t_up_{depth + 1}")
    if computed(above):
        # SQL of the map speaks of the row `t`: within a subquery of its own that is the parent
        inner = rows_of(above)
        seen: Bool = (
            sa.select(sa.literal_column("1"))  # a * would ask for the right to read every column
            .select_from(inner)
            .where(
                inner.c[above.key] == up.c[above.key],
                _predicate(crm_map, entity.parent.entity, user, inner, depth + 1),
            )
            .correlate(up)
            .exists()
        )
    else:
        seen = _predicate(crm_map, entity.parent.entity, user, up, depth + 1)
    return (
        sa.select(sa.literal_column("1"))
        .select_from(up)
        .where(up.c[above.key] == source.c[entity.parent.column], seen)
        .correlate(source)
        .exists()
    )


def _holds(condition: Condition, row: Row) -> bool:
    return all(any(_same(row[column], value) for value in values) for column, values in condition.items())


def _same(found: Any, wanted: Scalar) -> bool:
    """Equality that keeps ``true`` and 1 apart, as SQL does."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _has_role(roles: Collection[str], user: UserAttributes) -> bool:
    return not set(roles).isdisjoint(user[ROLE])


def _theirs(entity: str, number: int) -> str:
    """What the user's values are bound as: for each rule anew, as its column gives them their type."""
    return f"acl_{entity}_{number}"


def _age(days: int) -> str:
    return f"not_before_{days}"


def _oldest(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)
