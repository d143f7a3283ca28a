"""Who could sign in: the users that a CRM's map knows, for offering sign-ins when trying out an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from retrieval.crm.clauses import all_of, meets, written
from retrieval.crm.coherence import ROLE
from retrieval.crm.engines import engine_at, sql_translated
from retrieval.crm.map import CrmMap, Entity, Rule
from retrieval.crm.rights import ages, exists_sql, rows_of
from retrieval.crm.users import CrmUser, read_users_now


def read_logins(crm_map: CrmMap, dsn: str, *, limit: int = 50) -> list[str]:
    """Logins of the CRM's users, lower case: those first who have something to ask about.

    Of each kind of record in turn, in the order of the map, comes who sees most of it; so the first login
    sees most of the first kind. Who sees only what everyone sees comes last, by name. Somebody who left, or
    whose login is another's too, cannot sign in and is not offered.

    Raises :class:`CrmUnavailable` or :class:`CrmRefused`.
    """
    engine = engine_at(dsn, application_name="cloister-logins")
    with sql_translated(), engine.connect() as connection:
        users = read_users_now(crm_map, connection)
        rankings = [_ranking(crm_map, entity, users, connection) for entity in crm_map.entities.values()]
    in_turn = (login for row in zip_longest(*rankings) for login in row if login is not None)
    return list(dict.fromkeys([*in_turn, *sorted(users)]))[:limit]


def _ranking(
    crm_map: CrmMap, entity: Entity, users: Mapping[str, CrmUser], connection: sa.Connection
) -> list[str]:
    """Who sees rows of their own right, most first; rules that follow a parent rank as the parent does."""
    seen: Counter[str] = Counter()
    for rule in entity.visible:
        if rule.parent or (rule.everyone and not rule.roles):
            continue
        rows = _rows(crm_map, entity, rule, connection)
        for login, user in users.items():
            if not rule.roles or not set(rule.roles).isdisjoint(user.attributes[ROLE]):
                values = set(user.attributes[rule.attribute]) if rule.attribute else {None}
                seen[login] += sum(rows[value] for value in values)
    return sorted((login for login in seen if seen[login]), key=lambda login: (-seen[login], login))


def _rows(crm_map: CrmMap, entity: Entity, rule: Rule, connection: sa.Connection) -> Counter[Any]:
    """Value of the rule's column → rows with it; all rows under ``None`` for a rule without a value."""
    source = rows_of(entity)
    column: sa.ColumnElement[Any] = sa.null()
    if rule.attribute:
        # jsonb: PostgreSQL cannot tell two values of json apart
        column = source.c[rule.column] if rule.column else sa.func.to_jsonb(written(str(rule.value_sql)))
    wheres = [*exists_sql(entity, source), *meets(source, rule.where)]
    wheres += [source.c[entity.consent].is_(sa.true())] if entity.consent else []
    wheres += [written(rule.where_sql)] if rule.where_sql else []
    wheres += [column.is_not(None)] if rule.attribute else []
    statement = sa.select(column, sa.func.count()).select_from(source).where(all_of(wheres))
    if rule.attribute:
        statement = statement.group_by(column)
    found: Counter[Any] = Counter()
    with sql_translated():
        for value, rows in connection.execute(statement, ages(crm_map)):
            for one in value if isinstance(value, list) else [value]:
                found[one] += rows
    return found
