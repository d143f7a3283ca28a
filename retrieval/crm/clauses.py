"""SQL that means the same in PostgreSQL, SQLite and MariaDB or MySQL, where their own words differ.

Text is compared exactly: `é` is not `e` and `A` is not `a`, whatever a column's collation says, because the
keys of the index are compared so too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.sqltypes import NullType

from retrieval.crm.map import Condition, Scalar

Bool = sa.ColumnElement[bool]

AS_IT_IS: Final = NullType()
"""The type of a value that is handed to the driver unchanged, and of a result that is taken from it so."""

_CONDITION: Final = cast("sa.types.TypeEngine[bool]", AS_IT_IS)
"""Of a declared boolean SQLAlchemy would write `… = 1` where there are none, and no index fits that."""


def table(name: str, columns: Iterable[str]) -> sa.TableClause:
    """`accounts` or `crm.accounts` with these columns; every name is quoted."""
    schema, _, last = name.rpartition(".")
    return sa.table(
        sa.quoted_name(last, True),
        *(sa.column(sa.quoted_name(column, True), AS_IT_IS) for column in dict.fromkeys(columns)),
        schema=sa.quoted_name(schema, True) if schema else None,
    )


def bind(name: str) -> sa.BindParameter[Any]:
    """A value that is given when the statement is run."""
    return sa.bindparam(name, type_=AS_IT_IS)


class among(FunctionElement[bool]):  # noqa: N801 - reads as SQL
    """`among(column, bind)`: the column has one of the values that are bound, a list."""

    type = _CONDITION
    name = "among"
    inherit_cache = True


class among_members(FunctionElement[bool]):  # noqa: N801
    """`among_members(expression, bind)`: the expression, or a member of the array that it is, is one of the
    values that are bound; compared as text."""

    type = _CONDITION
    name = "among_members"
    inherit_cache = True


class one_of(FunctionElement[bool]):  # noqa: N801
    """`one_of(column, text, …)`: the column is exactly one of these texts."""

    type = _CONDITION
    name = "one_of"
    inherit_cache = True


class same(FunctionElement[bool]):  # noqa: N801
    """`same(a, b)`: two texts are exactly the same."""

    type = _CONDITION
    name = "same"
    inherit_cache = True


class calendar_day(FunctionElement[Any]):  # noqa: N801
    """`calendar_day(column)`: the day of a date or moment, as the database's session sees it."""

    type = AS_IT_IS
    name = "calendar_day"
    inherit_cache = True


def meets(source: sa.FromClause, condition: Condition) -> list[Bool]:
    """ "Each column has one of its values", as conditions that must all hold."""
    return [_matches(source.c[column], values) for column, values in condition.items()]


def written(expression: str) -> sa.ColumnElement[Any]:
    """SQL that an administrator wrote into the map, over the row `t`."""
    return sa.literal_column(f"({expression})", AS_IT_IS)


def as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The column's value as text."""
    return sa.cast(column, sa.Text)


def all_of(conditions: Iterable[Bool]) -> Bool:
    return sa.and_(sa.true(), *conditions)


def any_of(conditions: Iterable[Bool]) -> Bool:
    return sa.or_(sa.false(), *conditions)


def _matches(column: sa.ColumnElement[Any], values: tuple[Scalar, ...]) -> Bool:
    texts = [_constant(value) for value in values if isinstance(value, str)]
    others = [_constant(value) for value in values if value is not None and not isinstance(value, str)]
    ways: list[Bool] = [one_of(column, *texts)] if texts else []
    ways += [column.in_(others)] if others else []
    ways += [column.is_(None)] if None in values else []
    return any_of(ways)


def _constant(value: Scalar) -> sa.ColumnElement[Any]:
    """The value as it stands in SQL, so that a partial index can be seen to fit."""
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    if isinstance(value, int):
        return sa.literal_column(str(value), AS_IT_IS)
    if isinstance(value, str) and "\\" not in value and "\0" not in value:
        return sa.literal_column("'" + value.replace("'", "''") + "'", AS_IT_IS)
    return sa.literal(value, AS_IT_IS)  # what a backslash means in SQL is not the same everywhere


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(part, **options) for part in element.clauses]


_ARRAY = (
    "EXISTS (SELECT 1 FROM (SELECT to_jsonb({0}) AS whole) AS given, jsonb_array_elements_text("
    "CASE WHEN jsonb_typeof(given.whole) = 'array' THEN given.whole ELSE jsonb_build_array(given.whole) END"
    ") AS member(one) WHERE member.one = ANY(CAST({1} AS text[])))"
)

_MEMBERS = "SELECT value FROM json_each({0})"
_AS_ARRAY_SQLITE = (
    "CASE WHEN json_valid({0}) THEN CASE WHEN json_type({0}) = 'array' THEN {0} ELSE json_array({0}) END"
    " ELSE json_array({0}) END"
)
_AS_ARRAY_MYSQL = "IF(JSON_VALID({0}), IF(JSON_TYPE({0}) = 'ARRAY', {0}, JSON_ARRAY({0})), JSON_ARRAY({0}))"
_MEMBERS_MYSQL = "JSON_TABLE({0}, '$[*]' COLUMNS (value VARCHAR(255) PATH '$'))"
_ANY_OF = "EXISTS (SELECT 1 FROM {0} AS member WHERE {1} IN {2})"
"""SQL of the map gives a value, or a JSON array of values; a database without arrays has no others."""
_TEXTS = "SELECT CAST(value AS TEXT) AS value FROM json_each({0})"


@compiles(among)
def _(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = _parts(element, compiler, options)
    return f"({column} = ANY({values}))"


@compiles(among, "sqlite")
def _(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = _parts(element, compiler, options)
    return f"({column} COLLATE BINARY IN ({_MEMBERS.format(values)}))"


@compiles(among, "mysql")
@compiles(among, "mariadb")
def _(element: among, compiler: SQLCompiler, **options: Any) -> str:
    found, given = _written_out(element, compiler, options)
    texts = _written_out(element, compiler, options, "_text")[1]
    # the first finds by an index, the second sees to it that it is exactly so
    return f"({found} IN {given} AND {_bytes(found)} IN {texts})"


@compiles(among_members)
def _(element: among_members, compiler: SQLCompiler, **options: Any) -> str:
    return _ARRAY.format(*_parts(element, compiler, options))


@compiles(among_members, "sqlite")
def _(element: among_members, compiler: SQLCompiler, **options: Any) -> str:
    found, values = _parts(element, compiler, options)
    members = _TEXTS.format(_AS_ARRAY_SQLITE.format(found))
    return _ANY_OF.format(f"({members})", "member.value", f"({_TEXTS.format(values)})")


@compiles(among_members, "mysql")
@compiles(among_members, "mariadb")
def _(element: among_members, compiler: SQLCompiler, **options: Any) -> str:
    found, texts = _written_out(element, compiler, options, "_text")
    members = _MEMBERS_MYSQL.format(_AS_ARRAY_MYSQL.format(found))
    return _ANY_OF.format(members, _bytes("member.value"), texts)


@compiles(one_of)
def _(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, *values = _parts(element, compiler, options)
    return f"({column} IN ({', '.join(values)}))"


@compiles(one_of, "sqlite")
def _(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, *values = _parts(element, compiler, options)
    return f"({column} COLLATE BINARY IN ({', '.join(values)}))"


@compiles(one_of, "mysql")
@compiles(one_of, "mariadb")
def _(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    found, *values = _parts(element, compiler, options)
    _, *again = _parts(element, compiler, options)
    return f"({found} IN ({', '.join(values)}) AND {_bytes(found)} IN ({', '.join(again)}))"


@compiles(same)
def _(element: same, compiler: SQLCompiler, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"({one} = {other})"


@compiles(same, "sqlite")
def _(element: same, compiler: SQLCompiler, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"({one} = {other} COLLATE BINARY)"


@compiles(same, "mysql")
@compiles(same, "mariadb")
def _(element: same, compiler: SQLCompiler, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"({_bytes(one)} = {_bytes(other)})"


@compiles(calendar_day)
def _(element: calendar_day, compiler: SQLCompiler, **options: Any) -> str:
    (found,) = _parts(element, compiler, options)
    return f"CAST({found} AS date)"


@compiles(calendar_day, "sqlite")
def _(element: calendar_day, compiler: SQLCompiler, **options: Any) -> str:
    (found,) = _parts(element, compiler, options)
    return f"date({found})"


def _written_out(
    element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any], form: str = ""
) -> tuple[str, str]:
    """The expression, and a bound list for a driver that knows no lists: each value gets a place."""
    found, values = element.clauses
    each = sa.bindparam(f"{getattr(values, 'key', '')}{form}", type_=AS_IT_IS, expanding=True)
    return compiler.process(found, **options), compiler.process(each, **options)


def _bytes(found: str) -> str:
    """Text as MariaDB and MySQL compare it without a collation and without regard to trailing spaces."""
    return f"CAST(CONVERT({found} USING utf8mb4) AS BINARY)"
