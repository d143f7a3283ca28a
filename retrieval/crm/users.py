"""What the CRM knows about a signed-in person: read anew for every question, never kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from retrieval.crm.database import (
    AsyncConnection,
    Composable,
    Composed,
    Connection,
    sql,
    table_name,
    translated,
    tuple_row,
)
from retrieval.crm.errors import CrmError
from retrieval.crm.map import Attribute, Condition, CrmMap, attribute_of
from retrieval.crm.rights import UserAttributes


class AmbiguousUser(CrmError):
    """Several CRM users have this login; nobody is let in until the CRM is corrected."""


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A user row: its key, and each attribute of the map with its values."""

    key: Any
    attributes: UserAttributes


class Query(NamedTuple):
    """One statement and its named parameters."""

    sql: Composed
    params: dict[str, Any]


async def read_user(crm_map: CrmMap, connection: AsyncConnection[Any], login: str) -> CrmUser | None:
    """The active CRM user with this login, or ``None``; :class:`AmbiguousUser` when there are several."""
    with translated():
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(*user_query(crm_map, login))
            user = _only(crm_map, await cursor.fetchall())
            if user is None:
                return None
            for name in _relations_in_order(crm_map):
                await cursor.execute(*relation_query(crm_map, name, user))
                user = _with(user, name, await cursor.fetchall())
    return user


def read_user_now(crm_map: CrmMap, connection: Connection[Any], login: str) -> CrmUser | None:
    """:func:`read_user` on a blocking connection, for commands and jobs."""
    with translated(), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(*user_query(crm_map, login))
        user = _only(crm_map, cursor.fetchall())
        if user is None:
            return None
        for name in _relations_in_order(crm_map):
            cursor.execute(*relation_query(crm_map, name, user))
            user = _with(user, name, cursor.fetchall())
    return user


def read_users_now(crm_map: CrmMap, connection: Connection[Any]) -> dict[str, CrmUser]:
    """Lower-case login → user, for every active user whose login is theirs alone: what each one's
    :func:`read_user_now` gives, in one statement for the users and one for each relation."""
    with translated(), connection.cursor(row_factory=tuple_row) as cursor:
        found: dict[str, list[Sequence[Any]]] = defaultdict(list)
        for login, *row in cursor.execute(_all_users(crm_map)):
            found[login].append(row)
        users = {login: _user(crm_map, rows[0]) for login, rows in found.items() if len(rows) == 1}
        for name in _relations_in_order(crm_map):
            values: dict[Any, dict[Any, None]] = defaultdict(dict)
            for among, value in cursor.execute(_whole_relation(crm_map, name)):
                values[among][value] = None
            for login, user in users.items():
                rows = [(value,) for one in _among(crm_map, name, user) for value in values.get(one, ())]
                users[login] = _with(user, name, list(dict.fromkeys(rows)))
    return users


def user_query(crm_map: CrmMap, login: str) -> Query:
    """Up to two rows: the user's key, then the attributes that are columns, in the order of the map."""
    users = crm_map.users
    columns = [users.key, *_own(crm_map).values()]
    wheres: list[Composable] = [
        sql.SQL("lower({}::text) = lower(%(login)s)").format(sql.Identifier(users.login))
    ]
    if users.active:
        wheres.append(condition_sql({users.active.column: users.active.equals}))
    statement = sql.SQL("SELECT {} FROM {} WHERE {} LIMIT 2").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        table_name(users.table),
        sql.SQL(" AND ").join(wheres),
    )
    return Query(statement, {"login": login})


def relation_query(crm_map: CrmMap, name: str, user: CrmUser) -> Query:
    """The values of one relation; what it depends on is already in ``user``."""
    attribute = crm_map.users.attributes[name]
    table, value = attribute.table, attribute.value
    if table is None or value is None:
        raise ValueError(f"the attribute {name} is no relation")
    column, among = attribute.user or str(attribute.column), _among(crm_map, name, user)
    wheres: list[Composable] = [sql.SQL("{} = ANY(%(among)s)").format(sql.Identifier(column))]
    if attribute.where:
        wheres.append(condition_sql(attribute.where))
    statement = sql.SQL("SELECT DISTINCT {} FROM {} WHERE {}").format(
        sql.Identifier(value), table_name(table), sql.SQL(" AND ").join(wheres)
    )
    return Query(statement, {"among": among})


def columns_read(crm_map: CrmMap) -> Iterator[tuple[str, str]]:
    """Every (table, column) that finding a user reads."""
    users = crm_map.users
    yield users.table, users.key
    yield users.table, users.login
    if users.active:
        yield users.table, users.active.column
    for attribute in users.attributes.values():
        table = attribute.table or users.table
        for column in (attribute.column, attribute.user, attribute.value, *attribute.where):
            if column:
                yield table, column


def _only(crm_map: CrmMap, rows: Sequence[Sequence[Any]]) -> CrmUser | None:
    if not rows:
        return None
    if len(rows) > 1:
        raise AmbiguousUser(
            "Several users of the CRM have this sign-in; ask the CRM's administrator to make it unique."
        )
    return _user(crm_map, rows[0])


def _user(crm_map: CrmMap, row: Sequence[Any]) -> CrmUser:
    key, *values = row
    attributes: dict[str, tuple[Any, ...]] = {name: () for name in crm_map.users.attributes}
    for name, value in zip(_own(crm_map), values, strict=True):
        attributes[name] = tuple(value) if isinstance(value, list) else () if value is None else (value,)
    return CrmUser(key, attributes)


def _all_users(crm_map: CrmMap) -> Composed:
    users = crm_map.users
    login = sql.SQL("lower({}::text)").format(sql.Identifier(users.login))
    wheres: list[Composable] = [sql.SQL("{} IS NOT NULL").format(sql.Identifier(users.login))]
    if users.active:
        wheres.append(condition_sql({users.active.column: users.active.equals}))
    columns = [login, *map(sql.Identifier, (users.key, *_own(crm_map).values()))]
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(columns), table_name(users.table), sql.SQL(" AND ").join(wheres)
    )


def _whole_relation(crm_map: CrmMap, name: str) -> Composed:
    attribute = crm_map.users.attributes[name]
    columns = sql.SQL(", ").join(
        map(sql.Identifier, (attribute.user or str(attribute.column), str(attribute.value)))
    )
    where = condition_sql(attribute.where) if attribute.where else sql.SQL("TRUE")
    return sql.SQL("SELECT DISTINCT {} FROM {} WHERE {}").format(
        columns, table_name(str(attribute.table)), where
    )


def _among(crm_map: CrmMap, name: str, user: CrmUser) -> list[Any]:
    """The values by which the rows of a relation are this user's."""
    attribute = crm_map.users.attributes[name]
    if attribute.user:
        return [user.key]
    return list(user.attributes[attribute_of(str(attribute.among))])


def _with(user: CrmUser, name: str, rows: Sequence[Sequence[Any]]) -> CrmUser:
    values = tuple(row[0] for row in rows if row[0] is not None)
    return CrmUser(user.key, {**user.attributes, name: values})


def _own(crm_map: CrmMap) -> dict[str, str]:
    return {
        name: attribute.column
        for name, attribute in crm_map.users.attributes.items()
        if attribute.table is None and attribute.column
    }


def _relations_in_order(crm_map: CrmMap) -> list[str]:
    """Relations, each after those it depends on."""
    attributes = crm_map.users.attributes

    def depth(attribute: Attribute) -> int:
        needed = attribute.depends_on
        return 0 if needed is None else 1 + depth(attributes[needed])

    relations = [name for name, attribute in attributes.items() if attribute.table is not None]
    return sorted(relations, key=lambda name: (depth(attributes[name]), name))


def condition_sql(condition: Condition) -> Composable:
    """ "Each column has one of its values", of a table without an alias."""
    parts: list[Composable] = []
    for column, values in condition.items():
        name = sql.Identifier(column)
        given = [sql.Literal(value) for value in values if value is not None]
        ways: list[Composable] = (
            [sql.SQL("{} IN ({})").format(name, sql.SQL(", ").join(given))] if given else []
        )
        if None in values:
            ways.append(sql.SQL("{} IS NULL").format(name))
        parts.append(sql.SQL("({})").format(sql.SQL(" OR ").join(ways)))
    return sql.SQL(" AND ").join(parts)
