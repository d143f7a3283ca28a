"""The CRM's rows, read live with a role that may only read: for the sync, the late check and live facts."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from psycopg_pool import AsyncConnectionPool, PoolTimeout

from retrieval.crm import CrmMap, CrmUnavailable, CrmUser, Predicate, read_user
from retrieval.crm.database import (
    AsyncConnection,
    Composable,
    Composed,
    QueryCanceled,
    dict_row,
    sql,
    table_name,
    translated,
)
from retrieval.crm.map import Entity, Row, placeholders
from retrieval.rights import Visibility
from retrieval.settings import CrmSettings

T = TypeVar("T")

_CONNECT_S: Final = 3.0
_GRACE_S: Final = 1.0
_RECONNECT_S: Final = 2.0  # then the pool waits for somebody to ask, instead of for ever longer
_TRUE: Final = Predicate(sql.Composed([sql.SQL("TRUE")]), {})


class Match(NamedTuple):
    """A condition on a column: one of `values`, or with `refused` none of them.

    Values are compared as text; those of a `key` column are keys, and an index finds them.
    """

    column: str
    values: tuple[str, ...]
    refused: bool = False
    key: bool = False


class Records:
    """Statements on the mapped tables, each in a transaction of its own.

    Rows are mappings of the entity's `read_columns`. Keys are text here, as in references. Every method
    raises `CrmUnavailable` when the database does not answer within `timeout_s` and `CrmRefused` when it
    refuses.
    """

    def __init__(self, crm_map: CrmMap, settings: CrmSettings, timeout_s: float) -> None:
        self.crm_map = crm_map
        self._timeout_s = timeout_s
        self._key_types: dict[str, str] = {}
        self._left: set[asyncio.Task[Any]] = set()
        self._pool = AsyncConnectionPool(
            kwargs={**settings.parameters(timeout_s), "autocommit": True},
            min_size=0,
            max_size=settings.pool_size,
            timeout=_CONNECT_S,
            reconnect_timeout=_RECONNECT_S,
            max_lifetime=600,
            open=False,
        )

    async def open(self) -> None:
        """Begin to connect; does not wait for the CRM to answer."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give every connection back."""
        await self._pool.close()

    async def ping(self) -> None:
        """Raise `CrmUnavailable` when the CRM does not answer."""
        await self._all(sql.SQL("SELECT 1 AS one").format(), {})

    async def user(self, login: str) -> CrmUser | None:
        """The active CRM user with this login. Raises `AmbiguousUser`."""
        return await self._read(lambda connection: read_user(self.crm_map, connection, login))

    async def rows(
        self, kind: str, keys: Sequence[str], visibility: Visibility | None = None
    ) -> dict[str, Row]:
        """The rows with these keys; with `visibility`, only those that it lets through.

        A key of a form that the table cannot have is the key of no row.
        """
        fitting = await self._fitting(kind, keys)
        if not fitting:
            return {}
        entity = self.crm_map.entities[kind]
        visible = visibility.predicate(kind) if visibility else _TRUE
        statement = sql.SQL("SELECT {} FROM {} AS t WHERE {} = ANY(%(keys)s) AND {}").format(
            _columns(entity), table_name(entity.table), sql.Identifier("t", entity.key), visible.sql
        )
        found = await self._all(statement, {**visible.params, "keys": fitting})
        return {str(row[entity.key]): row for row in found}

    async def page(self, kind: str, after: Any, limit: int) -> Sequence[Row]:
        """The next rows in the order of their keys; `after` is the last key seen, as the CRM has it."""
        entity = self.crm_map.entities[kind]
        key = sql.Identifier("t", entity.key)
        onward = sql.SQL("TRUE") if after is None else sql.SQL("{} > %(after)s").format(key)
        statement = sql.SQL("SELECT {} FROM {} AS t WHERE {} ORDER BY {} LIMIT %(limit)s").format(
            _columns(entity), table_name(entity.table), onward, key
        )
        return await self._all(statement, {"after": after, "limit": limit})

    async def keys(self, kind: str) -> list[str]:
        """Every key there is."""
        entity = self.crm_map.entities[kind]
        statement = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(entity.key), table_name(entity.table))
        return [str(row[entity.key]) for row in await self._all(statement, {})]

    async def changed(self, kind: str, column: str, since: datetime) -> dict[str, datetime]:
        """Keys of rows whose watermark is at or after `since`, with it."""
        entity = self.crm_map.entities[kind]
        statement = sql.SQL("SELECT {} AS key, {}::timestamptz AS at FROM {} WHERE {} >= %(since)s").format(
            sql.Identifier(entity.key),
            sql.Identifier(column),
            table_name(entity.table),
            sql.Identifier(column),
        )
        return {str(row["key"]): row["at"] for row in await self._all(statement, {"since": since})}

    async def now(self) -> datetime:
        """The CRM's clock."""
        (row,) = await self._all(sql.SQL("SELECT now() AS now").format(), {})
        return row["now"]  # type: ignore[no-any-return]

    async def children_keys(self, kind: str, column: str, parents: Sequence[str]) -> list[str]:
        """Keys of the rows whose `column` names one of `parents`."""
        entity = self.crm_map.entities[kind]
        statement = sql.SQL("SELECT {} AS key FROM {} WHERE {} = ANY(%(parents)s)").format(
            sql.Identifier(entity.key), table_name(entity.table), sql.Identifier(column)
        )
        return [str(row["key"]) for row in await self._all(statement, {"parents": list(parents)})]

    async def linked(
        self, kind: str, column: str, keys: Sequence[str], visibility: Visibility, limit: int
    ) -> Sequence[Row]:
        """Visible rows whose `column` names one of `keys`, the latest first."""
        entity = self.crm_map.entities[kind]
        visible = visibility.predicate(kind)
        latest = sql.Identifier("t", entity.changed or entity.key)
        statement = sql.SQL(
            "SELECT {} FROM {} AS t WHERE {} = ANY(%(keys)s) AND {} ORDER BY {} DESC, {} DESC LIMIT %(limit)s"
        ).format(
            _columns(entity),
            table_name(entity.table),
            sql.Identifier("t", column),
            visible.sql,
            latest,
            sql.Identifier("t", entity.key),
        )
        return await self._all(statement, {**visible.params, "keys": list(keys), "limit": limit})

    async def tally(
        self, kind: str, column: str, keys: Sequence[str], by: str, visibility: Visibility
    ) -> dict[str, dict[str, int]]:
        """How many visible rows name each key, by the value of the column `by`: key → value → count.

        A row without a value counts under "".
        """
        entity = self.crm_map.entities[kind]
        visible = visibility.predicate(kind)
        statement = sql.SQL(
            "SELECT {} AS key, coalesce({}::text, '') AS value, count(*) AS n FROM {} AS t"
            " WHERE {} = ANY(%(keys)s) AND {} GROUP BY 1, 2 ORDER BY 3 DESC, 2"
        ).format(
            sql.Identifier("t", column),
            sql.Identifier("t", by),
            table_name(entity.table),
            sql.Identifier("t", column),
            visible.sql,
        )
        found: dict[str, dict[str, int]] = {}
        for row in await self._all(statement, {**visible.params, "keys": list(keys)}):
            found.setdefault(str(row["key"]), {})[row["value"]] = row["n"]
        return found

    async def values(
        self, kind: str, columns: Sequence[str], visibility: Visibility, at_most: int
    ) -> dict[str, list[str]]:
        """The values that visible rows have in each of these columns, the commonest `at_most` of each."""
        entity = self.crm_map.entities[kind]
        visible = visibility.predicate(kind)
        each = [
            sql.SQL(
                "(SELECT {} AS name, {}::text AS value FROM {} AS t WHERE {} AND {} IS NOT NULL"
                " GROUP BY 2 ORDER BY count(*) DESC, 2 LIMIT %(limit)s)"
            ).format(
                sql.Literal(column),
                sql.Identifier("t", column),
                table_name(entity.table),
                visible.sql,
                sql.Identifier("t", column),
            )
            for column in columns
        ]
        found: dict[str, list[str]] = {column: [] for column in columns}
        if each:
            statement = sql.Composed([sql.SQL(" UNION ALL ").join(each)])
            for row in await self._all(statement, {**visible.params, "limit": at_most}):
                found[row["name"]].append(row["value"])
        return found

    async def matching(
        self, kind: str, matches: Sequence[Match], visibility: Visibility, limit: int
    ) -> Sequence[Row]:
        """Visible rows that meet every match, the latest first."""
        entity = self.crm_map.entities[kind]
        where, params = _meeting(kind, matches, visibility)
        statement = sql.SQL(
            "SELECT {} FROM {} AS t WHERE {} ORDER BY {} DESC, {} DESC LIMIT %(limit)s"
        ).format(
            _columns(entity),
            table_name(entity.table),
            where,
            sql.Identifier("t", entity.changed or entity.key),
            sql.Identifier("t", entity.key),
        )
        return await self._all(statement, {**params, "limit": limit})

    async def count(
        self, kind: str, matches: Sequence[Match], visibility: Visibility, by: str | None = None
    ) -> dict[str, int]:
        """How many visible rows meet every match, by the value of the column `by`; without one, under ""."""
        entity = self.crm_map.entities[kind]
        where, params = _meeting(kind, matches, visibility)
        value: Composable = sql.Identifier("t", by) if by else sql.Literal("")
        statement = sql.SQL(
            "SELECT coalesce({}::text, '') AS value, count(*) AS n FROM {} AS t WHERE {}"
            " GROUP BY 1 ORDER BY 2 DESC, 1"
        ).format(value, table_name(entity.table), where)
        return {row["value"]: row["n"] for row in await self._all(statement, params)}

    async def named_by(
        self, kind: str, column: str, matches: Sequence[Match], visibility: Visibility, limit: int
    ) -> list[str]:
        """What visible rows that meet every match have in `column`, each once and as text."""
        where, params = _meeting(kind, matches, visibility)
        statement = sql.SQL(
            "SELECT DISTINCT {} AS key FROM {} AS t WHERE {} AND {} IS NOT NULL LIMIT %(limit)s"
        ).format(
            sql.Identifier("t", column),
            table_name(self.crm_map.entities[kind].table),
            where,
            sql.Identifier("t", column),
        )
        return [str(row["key"]) for row in await self._all(statement, {**params, "limit": limit})]

    async def labelled(self, kind: str, typed: str, visibility: Visibility, limit: int) -> Sequence[Row]:
        """Visible rows whose label's own columns contain `typed`; those that begin with it first."""
        entity = self.crm_map.entities[kind]
        columns = _label_columns(entity)
        if not columns:
            return []
        visible = visibility.predicate(kind)
        label: Composable = sql.SQL("concat_ws(' ', {})").format(
            sql.SQL(", ").join(sql.Identifier("t", name) for name in columns)
        )
        statement = sql.SQL(
            "SELECT {} FROM {} AS t WHERE {} ILIKE %(inside)s AND {}"
            " ORDER BY ({} ILIKE %(start)s) DESC, {} LIMIT %(limit)s"
        ).format(_columns(entity), table_name(entity.table), label, visible.sql, label, label)
        escaped = typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        params = {**visible.params, "inside": f"%{escaped}%", "start": f"{escaped}%", "limit": limit}
        return await self._all(statement, params)

    async def _fitting(self, kind: str, keys: Sequence[str]) -> list[str]:
        if kind not in self._key_types:
            entity = self.crm_map.entities[kind]
            statement = sql.SQL(
                "SELECT atttypid::regtype::text AS kind FROM pg_attribute"
                " WHERE attrelid = to_regclass(%(table)s) AND attname = %(key)s"
            )
            params = {"table": table_name(entity.table).as_string(), "key": entity.key}
            found = await self._all(sql.Composed([statement]), params)
            self._key_types[kind] = found[0]["kind"] if found else "text"
        fits = _FORMS.get(self._key_types[kind], _any_text)
        return [key for key in keys if fits(key)]

    async def _all(self, statement: Composed, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        async def fetch(connection: AsyncConnection[Any]) -> list[dict[str, Any]]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(statement, params)
                return await cursor.fetchall()

        return await self._read(fetch)

    async def _read(self, read: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        try:
            return await self._read_once(read)
        except CrmUnavailable as error:
            if isinstance(error.__cause__, PoolTimeout | TimeoutError | QueryCanceled):
                raise
            # The CRM was restarted and the pool does not know: reading again does no harm.
            await self._pool.check()
            return await self._read_once(read)

    async def _read_once(self, read: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        reading = asyncio.create_task(self._on_connection(read))
        try:
            # the server keeps the limit itself; one that hangs does not, nor does it hear a cancellation,
            # so the reading is left to end by itself
            done, _ = await asyncio.wait({reading}, timeout=self._timeout_s + _GRACE_S)
        finally:
            reading.cancel()
        if not done:
            self._left.add(reading)
            reading.add_done_callback(self._forget)
            raise CrmUnavailable("The CRM database does not answer in time.") from TimeoutError()
        return reading.result()

    async def _on_connection(self, read: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        with translated():
            async with self._pool.connection() as connection:
                return await read(connection)

    def _forget(self, reading: asyncio.Task[Any]) -> None:
        self._left.discard(reading)
        if not reading.cancelled():
            reading.exception()  # what became of it is of no interest any more


def _whole_number(bits: int) -> Callable[[str], bool]:
    limit = 2 ** (bits - 1)
    form = re.compile(r"-?\d{1,19}", re.ASCII)
    return lambda key: form.fullmatch(key) is not None and -limit <= int(key) < limit


def _uuid(key: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key) is not None


def _any_text(key: str) -> bool:
    return "\0" not in key


_FORMS: Final[Mapping[str, Callable[[str], bool]]] = {
    "smallint": _whole_number(16),
    "integer": _whole_number(32),
    "bigint": _whole_number(64),
    "uuid": _uuid,
}


def _columns(entity: Entity) -> Composable:
    return sql.SQL(", ").join(sql.Identifier("t", name) for name in entity.read_columns)


def _meeting(
    kind: str, matches: Sequence[Match], visibility: Visibility
) -> tuple[Composable, dict[str, Any]]:
    """The predicate "may be seen and meets every match", and its parameters."""
    visible = visibility.predicate(kind)
    params, parts = dict[str, Any](visible.params), list[Composable]([visible.sql])
    for number, match in enumerate(matches):
        params[f"match_{number}"] = list(match.values)
        form = sql.SQL("{} = ANY({})" if match.key else "{}::text = ANY({})")
        one = form.format(sql.Identifier("t", match.column), sql.Placeholder(f"match_{number}"))
        parts.append(sql.SQL("({}) IS NOT TRUE").format(one) if match.refused else one)
    return sql.SQL(" AND ").join(parts), params


def _label_columns(entity: Entity) -> list[str]:
    """Columns of the table behind the label's names; paths into JSON columns are left out."""
    readable = {name for name, _ in entity.readable}
    sources = [
        source
        for name in placeholders(entity.label)
        for source in (entity.sources(name) if name in readable else (name,))
    ]
    return [source for source in sources if "." not in source]
