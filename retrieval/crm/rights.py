"""Who may see a row: as keys for an index, and as SQL for the CRM itself.

Both say the same: a user sees a row when :func:`acl_keys` of the row and :func:`grant_keys` of the user
share a key, and exactly then :func:`visible_sql` is true for it. A row without a key is seen by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from retrieval.crm.coherence import ROLE
from retrieval.crm.database import Composable, Composed, sql, table_name
from retrieval.crm.map import Condition, CrmMap, Entity, Row, Rule, Scalar

UserAttributes = Mapping[str, Collection[Any]]
"""Attribute → its values; a user without teams has an empty collection, never a missing one."""

EVERYONE = "everyone"


class Predicate(NamedTuple):
    """A boolean SQL expression and the values of its named placeholders, all called ``acl_…``."""

    sql: Composed
    params: dict[str, Any]


def acl_keys(crm_map: CrmMap, entity: str, row: Row, parent_keys: Collection[str] = ()) -> list[str]:
    """The keys that let a user see ``row``; sorted, without doubles.

    ``row`` holds at least the entity's ``read_columns``. ``parent_keys`` are the keys of the row's parent
    (none when it has no parent row).
    """
    mapped = crm_map.entities[entity]
    if not consents(mapped, row):
        return []
    found: set[str] = set()
    for rule in mapped.visible:
        if not _holds(rule.where, row):
            continue
        prefix = _prefix(entity, rule)
        if rule.parent:
            found.update(f"{prefix}/{key}" if rule.roles else key for key in parent_keys)
        elif rule.column:
            value = row[rule.column]
            if value is not None:
                found.add(f"{prefix}={value}")
        else:
            found.add(prefix)
    return sorted(found)


def grant_keys(crm_map: CrmMap, user: UserAttributes) -> list[str]:
    """Every key that this user holds; sorted, without doubles."""
    found: set[str] = set()
    for entity in crm_map.entities:
        found.update(_grants(crm_map, entity, user))
    return sorted(found)


def visible_sql(crm_map: CrmMap, entity: str, user: UserAttributes, *, alias: str = "t") -> Predicate:
    """The WHERE predicate "this user may see the row" over the entity's table named ``alias``.

    It never yields true for a row without consent. It may yield NULL, which a WHERE takes as false:
    do not negate it.
    """
    params: dict[str, Any] = {}
    return Predicate(sql.Composed([_predicate(crm_map, entity, user, alias, params)]), params)


def may_see_field(entity: Entity, field: str, user: UserAttributes) -> bool:
    """Whether a user who sees the row may read this field of it."""
    right = entity.fields.get(field)
    return right is None or _has_role(right.roles, user)


def consents(entity: Entity, row: Row) -> bool:
    """Whether the row may be processed at all. Without a consent column everything may."""
    return entity.consent is None or row[entity.consent] is True


def _grants(crm_map: CrmMap, entity: str, user: UserAttributes) -> set[str]:
    found: set[str] = set()
    for rule in crm_map.entities[entity].visible:
        if rule.roles and not _has_role(rule.roles, user):
            continue
        prefix = _prefix(entity, rule)
        if rule.parent:
            above = _grants(crm_map, rule.parent, user)
            found.update(f"{prefix}/{key}" if rule.roles else key for key in above)
        elif rule.attribute:
            found.update(f"{prefix}={value}" for value in user[rule.attribute] if value is not None)
        else:
            found.add(prefix)
    return found


def _prefix(entity: str, rule: Rule) -> str:
    """What a rule asks of the user; what it asks of the row (``where``) decides if the row has the key."""
    if rule.everyone and not rule.roles:
        return EVERYONE
    roles = f"@{','.join(sorted(set(rule.roles)))}" if rule.roles else ""
    if rule.column:
        return f"{entity}.{rule.column}~{rule.attribute}{roles}"
    return f"{entity}{'^' if rule.parent else ''}{roles}"


def _predicate(
    crm_map: CrmMap, entity: str, user: UserAttributes, alias: str, params: dict[str, Any]
) -> Composable:
    mapped = crm_map.entities[entity]
    ways: list[Composable] = []
    for rule in mapped.visible:
        if rule.roles and not _has_role(rule.roles, user):
            continue
        needed = [_matches(column, values, alias) for column, values in rule.where.items()]
        if rule.parent:
            needed.append(_seen_parent(crm_map, mapped, user, alias, params))
        elif rule.column and rule.attribute:
            values = [value for value in user[rule.attribute] if value is not None]
            if not values:
                continue
            needed.append(
                sql.SQL("{} = ANY({})").format(
                    sql.Identifier(alias, rule.column), _placeholder(values, params)
                )
            )
        ways.append(sql.SQL("({})").format(sql.SQL(" AND ").join(needed)) if needed else sql.SQL("TRUE"))
    if not ways:
        return sql.SQL("FALSE")
    seen: Composable = sql.SQL("({})").format(sql.SQL(" OR ").join(ways))
    if mapped.consent:
        seen = sql.SQL("({} AND {})").format(sql.Identifier(alias, mapped.consent), seen)
    return seen


def _seen_parent(
    crm_map: CrmMap, entity: Entity, user: UserAttributes, alias: str, params: dict[str, Any]
) -> Composable:
    if entity.parent is None:
        raise ValueError("a rule names a parent that the entity does not have")
    above = crm_map.entities[entity.parent.entity]
    inner = f"{alias}_up"
    return sql.SQL("EXISTS (SELECT 1 FROM {} AS {} WHERE {} = {} AND {})").format(
        table_name(above.table),
        sql.Identifier(inner),
        sql.Identifier(inner, above.key),
        sql.Identifier(alias, entity.parent.column),
        _predicate(crm_map, entity.parent.entity, user, inner, params),
    )


def _matches(column: str, values: tuple[Scalar, ...], alias: str) -> Composable:
    name = sql.Identifier(alias, column)
    given = [sql.Literal(value) for value in values if value is not None]
    ways: list[Composable] = [sql.SQL("{} IN ({})").format(name, sql.SQL(", ").join(given))] if given else []
    if None in values:
        ways.append(sql.SQL("{} IS NULL").format(name))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ways))


def _placeholder(values: list[Any], params: dict[str, Any]) -> Composable:
    name = f"acl_{len(params)}"
    params[name] = values
    return sql.Placeholder(name)


def _holds(condition: Condition, row: Row) -> bool:
    return all(any(_same(row[column], value) for value in values) for column, values in condition.items())


def _same(found: Any, wanted: Scalar) -> bool:
    """Equality that keeps ``true`` and 1 apart, as SQL does."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _has_role(roles: Collection[str], user: UserAttributes) -> bool:
    return not set(roles).isdisjoint(user[ROLE])
