"""Statements on the mapped tables, each in a transaction of its own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from retrieval.crm import CrmMap, CrmRefused, CrmUser, RowUnreadable, UserQueries, ages
from retrieval.crm.map import Row
from retrieval.crm.shapes import (
    Columns,
    Conversion,
    Family,
    columns_question,
    conversions,
    families,
    fitting,
)
from retrieval.rights import Visibility
from retrieval.settings import CrmSettings

from .reader import Reader
from .statements import Match, Statement, Statements, label_patterns, match_values

_PING: Final = sa.text("SELECT 1 AS one")
_NOW: Final = {
    "postgresql": sa.text("SELECT now() AS now"),
    "sqlite": sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') AS now"),
    "mysql": sa.text("SELECT utc_timestamp(6) AS now"),
}


class Records:
    """The CRM's rows.

    Rows are mappings of the entity's `read_columns` and of what its rules have the CRM compute. Rows that do
    not meet the entity's `where`, or are older than its `retention`, are not there. Keys are text here, as in
    references. Every method raises `CrmUnavailable` when the database does not answer within `timeout_s` and
    `CrmRefused` when it refuses.
    """

    def __init__(self, crm_map: CrmMap, settings: CrmSettings, timeout_s: float) -> None:
        self.crm_map = crm_map
        self._reader = Reader(settings, timeout_s)
        self._dialect = settings.database
        self._statements = Statements(crm_map, self._dialect, settings.timezone)
        self._users = UserQueries(crm_map)
        self._columns: dict[str, Columns] = {}
        self._conversions: dict[str, dict[str, Conversion]] = {}

    async def open(self) -> None:
        """Nothing yet: the CRM is connected to when it is asked."""

    async def close(self) -> None:
        """Give every connection back."""
        await self._reader.close()

    async def ping(self) -> None:
        """Raise `CrmUnavailable` when the CRM does not answer."""
        await self._reader.all(_PING, {})

    async def user(self, login: str) -> CrmUser | None:
        """The active CRM user with this login. Raises `AmbiguousUser`."""
        return await self._reader.read(lambda connection: self._users.read(connection, login))

    async def rows(
        self, kind: str, keys: Sequence[str], visibility: Visibility | None = None
    ) -> dict[str, Row]:
        """The rows with these keys; with `visibility`, only those that it lets through.

        A key of a form that the table cannot have is the key of no row.
        """
        entity = self.crm_map.entities[kind]
        fit = await self._fitting(entity.table, entity.key, keys)
        if not fit:
            return {}
        found = await self._rows(kind, self._statements.rows(kind, visibility), visibility, keys=fit)
        return {str(row[entity.key]): row for row in found}

    async def page(self, kind: str, after: Any, limit: int) -> Sequence[Row]:
        """The next rows in the order of their keys; `after` is the last key seen, as the CRM has it."""
        statement = self._statements.page(kind, first=after is None)
        onward = {} if after is None else {"after": after}
        return await self._rows(kind, statement, None, limit=limit, **onward)

    async def keys(self, kind: str) -> list[str]:
        """Every key there is."""
        return [str(row["key"]) for row in await self._all(self._statements.keys(kind))]

    async def changed(self, kind: str, column: str, since: datetime) -> dict[str, datetime]:
        """Keys of rows whose watermark is at or after `since`, with it; also of rows that exist no more
        because they no longer meet the entity's `where`."""
        family = (await self._columns_of(self.crm_map.entities[kind].table)).get(column, Family.OTHER)
        statement, mark = self._statements.changed(kind, column, family)
        found = await self._all(statement, **mark.since(since))
        try:
            return {str(row["key"]): mark.read(row["at"]) for row in found}
        except (ValueError, TypeError, OverflowError):
            raise RowUnreadable(f"The CRM has a time in {kind}.{column} that is none.") from None

    async def now(self) -> datetime:
        """The CRM's clock."""
        (row,) = await self._all(_NOW[self._dialect])
        now = row["now"]
        now = datetime.fromisoformat(now) if isinstance(now, str) else now
        return now if now.tzinfo else now.replace(tzinfo=UTC)

    async def children_keys(self, kind: str, column: str, parents: Sequence[str]) -> list[str]:
        """Keys of the rows whose `column` names one of `parents`, whether they exist for Cloister or not."""
        fit = await self._fitting(self.crm_map.entities[kind].table, column, parents)
        if not fit:
            return []
        found = await self._all(self._statements.children(kind, column), keys=fit)
        return [str(row["key"]) for row in found]

    async def followed_keys(self, table: str, column: str, by: str, values: Sequence[str]) -> list[str]:
        """What the rows of a followed `table` whose column `by` has one of `values` have in `column`: keys of
        records whose rights or text those rows move, each once."""
        fit = await self._fitting(table, by, values)
        if not fit:
            return []
        found = await self._all(self._statements.followed(table, column, by), keys=fit)
        return [str(row["key"]) for row in found]

    async def linked(
        self, kind: str, column: str, keys: Sequence[str], visibility: Visibility, limit: int
    ) -> Sequence[Row]:
        """Visible rows whose `column` names one of `keys`, the latest first."""
        fit = await self._fitting(self.crm_map.entities[kind].table, column, keys)
        if not fit:
            return []
        statement = self._statements.linked(kind, column, visibility)
        return await self._rows(kind, statement, visibility, keys=fit, limit=limit)

    async def tally(
        self, kind: str, column: str, keys: Sequence[str], by: str, visibility: Visibility
    ) -> dict[str, dict[str, int]]:
        """How many visible rows name each key, by the value of the column `by`: key → value → count.

        A row without a value counts under "".
        """
        columns = await self._columns_of(self.crm_map.entities[kind].table)
        fit = fitting(columns.get(column, Family.OTHER), keys)
        found: dict[str, dict[str, int]] = {}
        if fit:
            statement = self._statements.tally(kind, column, by, columns, visibility)
            for row in await self._all(statement, visibility, keys=fit):
                found.setdefault(str(row["key"]), {})[row["value"]] = row["n"]
        return found

    async def values(
        self, kind: str, columns: Sequence[str], visibility: Visibility, at_most: int
    ) -> dict[str, list[str]]:
        """The values that visible rows have in each of these columns, the commonest `at_most` of each."""
        found: dict[str, list[str]] = {column: [] for column in columns}
        if columns:
            shape = await self._columns_of(self.crm_map.entities[kind].table)
            statement = self._statements.values(kind, columns, shape, visibility)
            for row in await self._all(statement, visibility, limit=at_most):
                if row["value"] is not None:
                    found[columns[row["place"]]].append(row["value"])
        return found

    async def matching(
        self, kind: str, matches: Sequence[Match], visibility: Visibility, limit: int
    ) -> Sequence[Row]:
        """Visible rows that meet every match, the latest first."""
        columns = await self._columns_of(self.crm_map.entities[kind].table)
        statement = self._statements.matching(kind, matches, columns, visibility)
        return await self._rows(kind, statement, visibility, limit=limit, **match_values(matches, columns))

    async def newest(self, kind: str, visibility: Visibility, limit: int) -> Sequence[Row]:
        """So many visible rows, by their keys the latest. They are looked for among the `NEWEST` rows of the
        table alone, so that it takes as long for who sees few of them."""
        return await self._rows(kind, self._statements.newest(kind, visibility), visibility, limit=limit)

    async def count(
        self, kind: str, matches: Sequence[Match], visibility: Visibility, by: str | None = None
    ) -> dict[str, int]:
        """How many visible rows meet every match, by the value of the column `by`; without one, under ""."""
        columns = await self._columns_of(self.crm_map.entities[kind].table)
        statement = self._statements.count(kind, matches, by, columns, visibility)
        found = await self._all(statement, visibility, **match_values(matches, columns))
        return {row["value"]: row["n"] for row in found if row["n"]}

    async def named_by(
        self, kind: str, column: str, matches: Sequence[Match], visibility: Visibility, limit: int
    ) -> list[str]:
        """What visible rows that meet every match have in `column`, each once and as text."""
        columns = await self._columns_of(self.crm_map.entities[kind].table)
        statement = self._statements.named_by(kind, column, matches, columns, visibility)
        found = await self._all(statement, visibility, limit=limit, **match_values(matches, columns))
        return [str(row["key"]) for row in found]

    async def labelled(self, kind: str, typed: str, visibility: Visibility, limit: int) -> Sequence[Row]:
        """Visible rows whose label's own columns contain `typed`; those that begin with it first."""
        statement = self._statements.labelled(kind, visibility)
        if statement is None:
            return []
        return await self._rows(kind, statement, visibility, limit=limit, **label_patterns(typed))

    async def _rows(
        self, kind: str, statement: Statement, visibility: Visibility | None, **values: Any
    ) -> list[Row]:
        """Rows of an entity, with values as PostgreSQL's driver gives them."""
        if self._dialect != "postgresql" and kind not in self._conversions:
            entity = self.crm_map.entities[kind]
            shape = await self._columns_of(entity.table)
            self._conversions[kind] = conversions(entity, shape)
        found = await self._all(statement, visibility, **values)
        for name, conversion in self._conversions.get(kind, {}).items():
            for row in found:
                if name in row:
                    row[name] = conversion(row[name])
        return list(found)

    async def _all(
        self, statement: sa.Executable, visibility: Visibility | None = None, **values: Any
    ) -> list[dict[str, Any]]:
        rights: Mapping[str, Any] = visibility.values if visibility else ages(self.crm_map)
        try:
            return await self._reader.all(statement, {**rights, **values})
        except CrmRefused:
            # perhaps a column is no longer what it was: what is known of them is asked anew
            self._columns.clear()
            self._conversions.clear()
            raise

    async def _fitting(self, table: str, column: str, keys: Sequence[str]) -> list[Any]:
        columns = await self._columns_of(table)
        return fitting(columns.get(column, Family.OTHER), keys)

    async def _columns_of(self, table: str) -> Columns:
        if table not in self._columns:
            statement, values = columns_question(self._dialect, table)
            found = await self._reader.all(statement, values)
            self._columns[table] = families(self._dialect, [tuple(row.values()) for row in found])
        return self._columns[table]
