"""Who could sign in: the users that a CRM's map knows, for offering sign-ins when trying out an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from retrieval.crm.coherence import ROLE
from retrieval.crm.database import Connection, connect, sql, table_name, translated
from retrieval.crm.map import CrmMap, Entity, Rule
from retrieval.crm.users import CrmUser, condition_sql, read_users_now


def read_logins(crm_map: CrmMap, dsn: str, *, limit: int = 50) -> list[str]:
    """Logins of the CRM's users, lower case: those first who have something to ask about.

    Of each kind of record in turn, in the order of the map, comes who sees most of it; so the first login
    sees most of the first kind. Who sees only what everyone sees comes last, by name. Somebody who left, or
    whose login is another's too, cannot sign in and is not offered.

    Raises :class:`CrmUnavailable` or :class:`CrmRefused`.
    """
    with connect(dsn, application_name="cloister-logins") as connection:
        users = read_users_now(crm_map, connection)
        rankings = [_ranking(entity, users, connection) for entity in crm_map.entities.values()]
    in_turn = (login for row in zip_longest(*rankings) for login in row if login is not None)
    return list(dict.fromkeys([*in_turn, *sorted(users)]))[:limit]


def _ranking(entity: Entity, users: Mapping[str, CrmUser], connection: Connection[Any]) -> list[str]:
    """Who sees rows of their own right, most first; rules that follow a parent rank as the parent does."""
    seen: Counter[str] = Counter()
    for rule in entity.visible:
        if rule.parent or (rule.everyone and not rule.roles):
            continue
        rows = _rows(entity, rule, connection)
        for login, user in users.items():
            if not rule.roles or not set(rule.roles).isdisjoint(user.attributes[ROLE]):
                values = set(user.attributes[rule.attribute]) if rule.attribute else {None}
                seen[login] += sum(rows[value] for value in values)
    return sorted((login for login in seen if seen[login]), key=lambda login: (-seen[login], login))


def _rows(entity: Entity, rule: Rule, connection: Connection[Any]) -> Counter[Any]:
    """Value of the rule's column → rows with it; all rows under ``None`` for a rule without a column."""
    column = sql.Identifier(rule.column) if rule.column else sql.SQL("NULL")
    wheres = [condition_sql(rule.where)] if rule.where else []
    wheres += [sql.Identifier(name) for name in (entity.consent,) if name]
    wheres += [sql.SQL("{} IS NOT NULL").format(column)] if rule.column else []
    statement = sql.SQL("SELECT {}, count(*) FROM {} WHERE {} GROUP BY 1").format(
        column, table_name(entity.table), sql.SQL(" AND ").join(wheres or [sql.SQL("TRUE")])
    )
    with translated():
        return Counter(dict(connection.execute(statement).fetchall()))
