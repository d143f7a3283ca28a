"""The statements on mapped tables, each made once: for everybody with the same roles it is the same."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from retrieval.crm import CrmMap, computed, exists_sql, rows_of
from retrieval.crm.clauses import Bool, all_of, among, as_text, bind, table, written
from retrieval.crm.map import Entity, placeholders
from retrieval.crm.shapes import Columns, Family, Watermark, fitting, watermark
from retrieval.rights import Visibility

Statement = sa.Executable
T = TypeVar("T")

NEWEST: Final = 2_000
"""Among so many rows of a table its newest visible ones are looked for: else for a caller who sees none of a
million, all of them would be read."""

_KEPT: Final = 1_000
_AS_TEXTS: Final = frozenset({Family.TEXT, Family.SMALL, Family.WHOLE, Family.BIG, Family.UUID})


class Match(NamedTuple):
    """A condition on a column: one of `values`, or with `refused` none of them.

    Values are compared as text; those of a `key` column are keys, and an index finds them.
    """

    column: str
    values: tuple[str, ...]
    refused: bool = False
    key: bool = False


class Statements:
    """Makes and keeps statements. Values are bound when one is run: under `keys`, `limit`, `match_0` …

    Statements with a `Visibility` are run with its `values`, and all of them with `ages` of the map.
    """

    def __init__(self, crm_map: CrmMap, dialect: str, zone: str | None) -> None:
        self._map = crm_map
        self._dialect = dialect
        self._zone = zone
        self._kept: dict[Hashable, Any] = {}

    def rows(self, kind: str, visibility: Visibility | None) -> Statement:
        def make() -> Statement:
            source, where = self._seen(kind, visibility)
            key = source.c[self._map.entities[kind].key]
            return self._select(kind, source).where(among(key, bind("keys")), *where)

        return self._keep(("rows", kind, _roles(visibility)), make)

    def page(self, kind: str, *, first: bool) -> Statement:
        def make() -> Statement:
            source, where = self._seen(kind, None)
            key = source.c[self._map.entities[kind].key]
            onward = [] if first else [key > bind("after")]
            return self._select(kind, source).where(*onward, *where).order_by(key).limit(_limit())

        return self._keep(("page", kind, first), make)

    def keys(self, kind: str) -> Statement:
        def make() -> Statement:
            source, where = self._seen(kind, None)
            return sa.select(source.c[self._map.entities[kind].key].label("key")).where(*where)

        return self._keep(("keys", kind), make)

    def changed(self, kind: str, column: str, family: Family) -> tuple[Statement, Watermark]:
        """Rows that no longer exist for Cloister are among them: that is a change too."""

        def make() -> tuple[Statement, Watermark]:
            source = rows_of(self._map.entities[kind])
            mark = watermark(self._dialect, source.c[column], family, self._zone)
            key = source.c[self._map.entities[kind].key]
            return sa.select(key.label("key"), mark.moment.label("at")).where(mark.is_new), mark

        return self._keep(("changed", kind, column, family), make)

    def children(self, kind: str, column: str) -> Statement:
        def make() -> Statement:
            source = rows_of(self._map.entities[kind])
            key = source.c[self._map.entities[kind].key]
            return sa.select(key.label("key")).where(among(source.c[column], bind("keys")))

        return self._keep(("children", kind, column), make)

    def followed(self, of: str, column: str, by: str) -> Statement:
        def make() -> Statement:
            source = table(of, [column, by]).alias("t")
            named = source.c[column]
            found = sa.select(named.label("key")).where(among(source.c[by], bind("keys")), named.is_not(None))
            return found.distinct()

        return self._keep(("followed", of, column, by), make)

    def linked(self, kind: str, column: str, visibility: Visibility) -> Statement:
        def make() -> Statement:
            source, where = self._seen(kind, visibility)
            return self._latest(kind, source, [among(source.c[column], bind("keys")), *where])

        return self._keep(("linked", kind, column, _roles(visibility)), make)

    def matching(
        self, kind: str, matches: Sequence[Match], columns: Columns, visibility: Visibility
    ) -> Statement:
        def make() -> Statement:
            source, where = self._meeting(kind, matches, columns, visibility)
            return self._latest(kind, source, where)

        return self._keep(("matching", kind, _form(matches), _roles(visibility)), make)

    def newest(self, kind: str, visibility: Visibility) -> Statement:
        def make() -> Statement:
            rows, key = rows_of(self._map.entities[kind]), self._map.entities[kind].key
            latest = sa.select(*rows.c).order_by(rows.c[key].desc()).limit(NEWEST).subquery("t")
            where = visibility.predicate(kind, latest)
            return self._select(kind, latest).where(where).order_by(latest.c[key].desc()).limit(_limit())

        return self._keep(("newest", kind, _roles(visibility)), make)

    def tally(self, kind: str, column: str, by: str, columns: Columns, visibility: Visibility) -> Statement:
        def make() -> Statement:
            source, where = self._seen(kind, visibility)
            key, value, n = source.c[column], self._value(source.c[by], columns.get(by)), sa.func.count()
            return (
                sa.select(key.label("key"), value.label("value"), n.label("n"))
                .where(among(key, bind("keys")), *where)
                .group_by(key, value)
                .order_by(n.desc(), value)
            )

        return self._keep(("tally", kind, column, by, _roles(visibility)), make)

    def count(
        self, kind: str, matches: Sequence[Match], by: str | None, columns: Columns, visibility: Visibility
    ) -> Statement:
        def make() -> Statement:
            source, where = self._meeting(kind, matches, columns, visibility)
            n = sa.func.count()
            if by is None:
                nothing: sa.ColumnElement[Any] = sa.literal_column("''")
                return sa.select(nothing.label("value"), n.label("n")).select_from(source).where(*where)
            value = self._value(source.c[by], columns.get(by))
            found = sa.select(value.label("value"), n.label("n")).where(*where)
            return found.group_by(value).order_by(n.desc(), value)

        return self._keep(("count", kind, _form(matches), by, _roles(visibility)), make)

    def values(self, kind: str, names: Sequence[str], columns: Columns, visibility: Visibility) -> Statement:
        def one(number: int, name: str) -> sa.Select[Any]:
            source, where = self._seen(kind, visibility)
            value = self._text(source.c[name], columns.get(name))
            place: sa.ColumnElement[int] = sa.literal_column(str(number)).label("place")
            found = (
                sa.select(place, value.label("value"))
                .where(*where, source.c[name].is_not(None))
                .group_by(value)
                .order_by(sa.func.count().desc(), value)
                .limit(_limit())
                .subquery(f"of_{number}")
            )
            return sa.select(found.c.place, found.c.value)

        def make() -> Statement:
            each = [one(number, name) for number, name in enumerate(names)]
            return sa.union_all(*each) if len(each) > 1 else each[0]

        return self._keep(("values", kind, tuple(names), _roles(visibility)), make)

    def named_by(
        self, kind: str, column: str, matches: Sequence[Match], columns: Columns, visibility: Visibility
    ) -> Statement:
        def make() -> Statement:
            source, where = self._meeting(kind, matches, columns, visibility)
            named = source.c[column]
            found = sa.select(named.label("key")).where(*where, named.is_not(None))
            return found.distinct().limit(_limit())

        return self._keep(("named", kind, column, _form(matches), _roles(visibility)), make)

    def labelled(self, kind: str, visibility: Visibility) -> Statement | None:
        """None where the label has no column of the table."""
        names = _label_columns(self._map.entities[kind])

        def make() -> Statement:
            source, where = self._seen(kind, visibility)
            label = sa.func.concat_ws(sa.literal_column("' '"), *(source.c[name] for name in names))
            inside, start = (label.ilike(bind(name), escape="!") for name in ("inside", "start"))
            found = self._select(kind, source).where(inside, *where)
            return found.order_by(start.desc(), label).limit(_limit())

        return self._keep(("labelled", kind, _roles(visibility)), make) if names else None

    def _keep(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def _seen(self, kind: str, visibility: Visibility | None) -> tuple[sa.FromClause, list[Bool]]:
        entity = self._map.entities[kind]
        source = rows_of(entity)
        where = [visibility.predicate(kind, source)] if visibility else exists_sql(entity, source)
        return source, where

    def _meeting(
        self, kind: str, matches: Sequence[Match], columns: Columns, visibility: Visibility
    ) -> tuple[sa.FromClause, list[Bool]]:
        """ "May be seen and meets every match"."""
        source, where = self._seen(kind, visibility)
        for number, match in enumerate(matches):
            column, values = source.c[match.column], bind(f"match_{number}")
            family = columns.get(match.column)
            as_it_is = match.key or family in _AS_TEXTS
            one: Bool = among(column if as_it_is else self._text(column, family), values)
            where.append(one.is_not(sa.true()) if match.refused else one)
        return source, where

    def _select(self, kind: str, source: sa.FromClause) -> sa.Select[Any]:
        """What a row is: the columns that are read, and what rules have the CRM compute."""
        made = (written(sql).label(name) for name, sql in computed(self._map.entities[kind]).items())
        return sa.select(*source.c, *made)

    def _latest(self, kind: str, source: sa.FromClause, where: Sequence[Bool]) -> Statement:
        entity = self._map.entities[kind]
        key = source.c[entity.key]
        latest = source.c[entity.changed] if entity.changed else key
        found = self._select(kind, source).where(all_of(where))
        return found.order_by(latest.desc(), key.desc()).limit(_limit())

    def _value(self, column: sa.ColumnElement[Any], family: Family | None) -> sa.ColumnElement[str]:
        return sa.func.coalesce(self._text(column, family), sa.literal_column("''"))

    def _text(self, column: sa.ColumnElement[Any], family: Family | None) -> sa.ColumnElement[str]:
        if family is Family.BOOLEAN and self._dialect != "postgresql":
            words = {True: "'true'", False: "'false'"}
            whens: list[tuple[Bool, sa.ColumnElement[str]]] = [
                (column == number, sa.literal_column(words[bool(number)])) for number in (0, 1)
            ]
            return sa.case(*whens, else_=sa.null())
        return as_text(column)


def match_values(matches: Sequence[Match], columns: Columns) -> dict[str, list[Any]]:
    """The values with which a statement with these matches is run."""
    return {
        f"match_{number}": fitting(columns.get(match.column, Family.OTHER), match.values)
        for number, match in enumerate(matches)
    }


def label_patterns(typed: str) -> Mapping[str, str]:
    """The values with which `labelled` is run."""
    escaped = typed.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return {"inside": f"%{escaped}%", "start": f"{escaped}%"}


def _roles(visibility: Visibility | None) -> Hashable:
    """What the predicate depends on; a visibility of another kind makes another."""
    return (type(visibility), visibility.roles) if visibility else None


def _form(matches: Sequence[Match]) -> Hashable:
    return tuple((match.column, match.refused, match.key) for match in matches)


def _limit() -> sa.BindParameter[int]:
    return sa.bindparam("limit", type_=sa.Integer())


def _label_columns(entity: Entity) -> list[str]:
    """Columns of the table behind the label's names; paths into JSON columns are left out."""
    readable = {name for name, _ in entity.readable}
    sources = [
        source
        for name in placeholders(entity.label)
        for source in (entity.sources(name) if name in readable else (name,))
    ]
    return [source for source in sources if "." not in source]
