"""What the CRM knows about a signed-in person: read anew for every question, never kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from retrieval.crm.clauses import all_of, among, as_text, bind, meets, same, table
from retrieval.crm.engines import bound, sql_translated
from retrieval.crm.errors import CrmError
from retrieval.crm.map import Attribute, CrmMap, attribute_of
from retrieval.crm.rights import UserAttributes


class AmbiguousUser(CrmError):
    """Several CRM users have this login; nobody is let in until the CRM is corrected."""


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A user row: its key, and each attribute of the map with its values."""

    key: Any
    attributes: UserAttributes


class UserQueries:
    """The statements that find users, made once for a map."""

    def __init__(self, crm_map: CrmMap) -> None:
        self._map = crm_map
        self._relations = _relations_in_order(crm_map)
        self._one = _user_query(crm_map)
        self._values = {name: _relation_query(crm_map, name, whole=False) for name in self._relations}

    async def read(self, connection: AsyncConnection, login: str) -> CrmUser | None:
        """The active CRM user with this login, or ``None``; :class:`AmbiguousUser` when there are several."""
        with sql_translated():
            found = await connection.execute(self._one, {"login": login})
            user = _only(self._map, found.all())
            if user is None:
                return None
            for name in self._relations:
                values = bound(connection.dialect, {"among": _among(self._map, name, user)})
                user = _with(user, name, (await connection.execute(self._values[name], values)).all())
        return user

    def read_now(self, connection: sa.Connection, login: str) -> CrmUser | None:
        """:meth:`read` on a blocking connection."""
        with sql_translated():
            user = _only(self._map, connection.execute(self._one, {"login": login}).all())
            if user is None:
                return None
            for name in self._relations:
                values = bound(connection.dialect, {"among": _among(self._map, name, user)})
                user = _with(user, name, connection.execute(self._values[name], values).all())
        return user


async def read_user(crm_map: CrmMap, connection: AsyncConnection, login: str) -> CrmUser | None:
    """The active CRM user with this login, or ``None``; :class:`AmbiguousUser` when there are several."""
    return await UserQueries(crm_map).read(connection, login)


def read_user_now(crm_map: CrmMap, connection: sa.Connection, login: str) -> CrmUser | None:
    """:func:`read_user` on a blocking connection, for commands and jobs."""
    return UserQueries(crm_map).read_now(connection, login)


def read_users_now(crm_map: CrmMap, connection: sa.Connection) -> dict[str, CrmUser]:
    """Lower-case login → user, for every active user whose login is theirs alone: what each one's
    :func:`read_user_now` gives, in one statement for the users and one for each relation."""
    with sql_translated():
        found: dict[str, list[Sequence[Any]]] = defaultdict(list)
        for login, *row in connection.execute(_all_users(crm_map)):
            found[login].append(row)
        users = {login: _user(crm_map, rows[0]) for login, rows in found.items() if len(rows) == 1}
        for name in _relations_in_order(crm_map):
            values: dict[Any, dict[Any, None]] = defaultdict(dict)
            for among_, value in connection.execute(_relation_query(crm_map, name, whole=True)):
                values[among_][value] = None
            for login, user in users.items():
                rows = [(value,) for one in _among(crm_map, name, user) for value in values.get(one, ())]
                users[login] = _with(user, name, list(dict.fromkeys(rows)))
    return users


def columns_read(crm_map: CrmMap) -> Iterator[tuple[str, str]]:
    """Every (table, column) that finding a user reads."""
    users = crm_map.users
    yield users.table, users.key
    yield users.table, users.login
    if users.active:
        yield users.table, users.active.column
    for column in users.where:
        yield users.table, column
    for attribute in users.attributes.values():
        name = attribute.table or users.table
        for used in (attribute.column, attribute.user, attribute.value, *attribute.where):
            if used:
                yield name, used


def _users_table(crm_map: CrmMap) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]]]:
    """The users' table, and which of its rows are users now."""
    users = crm_map.users
    source = table(users.table, (name for of, name in columns_read(crm_map) if of == users.table)).alias("t")
    wheres = meets(source, users.where)
    if users.active:
        wheres += meets(source, {users.active.column: users.active.equals})
    return source, wheres


def _user_query(crm_map: CrmMap) -> sa.Select[Any]:
    """Up to two rows: the user's key, then the attributes that are columns, in the order of the map."""
    source, wheres = _users_table(crm_map)
    login = sa.func.lower(as_text(source.c[crm_map.users.login]))
    return (
        sa.select(*_user_columns(crm_map, source))
        .where(same(login, sa.func.lower(as_text(bind("login")))), *wheres)
        .limit(sa.literal_column("2"))
    )


def _all_users(crm_map: CrmMap) -> sa.Select[Any]:
    source, wheres = _users_table(crm_map)
    login = source.c[crm_map.users.login]
    lowered = sa.func.lower(as_text(login)).label("login")
    return sa.select(lowered, *_user_columns(crm_map, source)).where(login.is_not(None), *wheres)


def _user_columns(crm_map: CrmMap, source: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    names = [crm_map.users.key, *_own(crm_map).values()]
    return [source.c[name].label(f"c{number}") for number, name in enumerate(names)]


def _relation_query(crm_map: CrmMap, name: str, *, whole: bool) -> sa.Select[Any]:
    """The values of one relation among the bound ones; with ``whole`` all of them, each after its own."""
    attribute = crm_map.users.attributes[name]
    if attribute.table is None or attribute.value is None:
        raise ValueError(f"the attribute {name} is no relation")
    column = attribute.user or str(attribute.column)
    source = table(attribute.table, [column, attribute.value, *attribute.where]).alias("t")
    value = source.c[attribute.value].label("value")
    wheres = meets(source, attribute.where)
    if whole:
        return sa.select(source.c[column].label("among"), value).where(all_of(wheres)).distinct()
    return sa.select(value).where(among(source.c[column], bind("among")), *wheres).distinct()


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
    attributes: Mapping[str, Attribute] = crm_map.users.attributes

    def depth(attribute: Attribute) -> int:
        needed = attribute.depends_on
        return 0 if needed is None else 1 + depth(attributes[needed])

    relations = [name for name, attribute in attributes.items() if attribute.table is not None]
    return sorted(relations, key=lambda name: (depth(attributes[name]), name))
