"""What a table's columns hold: which keys can be theirs, and values as PostgreSQL's driver would give them.

SQLite knows no days and no booleans, MariaDB and MySQL no booleans and no zones; the map and the declared
types say what is meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from retrieval.crm.clauses import AS_IT_IS, Bool, bind
from retrieval.crm.map import Condition, Entity, FactColumn, FactKind


class Family(StrEnum):
    """What a declared type comes to."""

    TEXT = "text"
    SMALL = "smallint"
    WHOLE = "integer"
    BIG = "bigint"
    NUMBER = "numeric"
    BOOLEAN = "boolean"
    UUID = "uuid"
    DAY = "date"
    MOMENT = "timestamp with time zone"
    CLOCK = "timestamp without time zone"
    JSON = "json"
    OTHER = "other"


Columns = Mapping[str, Family]

_QUESTIONS: Final = {
    "postgresql": sa.text(
        "SELECT attname, atttypid::regtype::text FROM pg_attribute"
        " WHERE attrelid = to_regclass(:quoted) AND attnum > 0 AND NOT attisdropped"
    ),
    "sqlite": sa.text("SELECT name, type FROM pragma_table_xinfo(:name)"),
    "mysql": sa.text(
        "SELECT column_name, column_type FROM information_schema.columns"
        " WHERE table_name = :name AND table_schema = coalesce(:schema, database())"
    ),
}
_POSTGRES: Final = {
    "text": Family.TEXT,
    "character varying": Family.TEXT,
    "smallint": Family.SMALL,
    "integer": Family.WHOLE,
    "bigint": Family.BIG,
    "uuid": Family.UUID,
    "boolean": Family.BOOLEAN,
}
_DECLARED: Final = (
    (r"^(enum|set)\b", Family.TEXT),
    (r"bool|tinyint\(1\)", Family.BOOLEAN),
    (r"bigint|^integer$", Family.BIG),
    (r"int", Family.BIG),
    (r"json", Family.JSON),
    (r"datetime", Family.CLOCK),
    (r"timestamp", Family.MOMENT),
    (r"^date$", Family.DAY),
    (r"dec|numeric", Family.NUMBER),
    (r"char|text|clob|^uuid$", Family.TEXT),
)


def columns_question(dialect: str, table: str) -> tuple[sa.TextClause, dict[str, Any]]:
    """The statement, and its values, whose rows :func:`families` reads."""
    schema, _, name = table.rpartition(".")
    dialect = "mysql" if dialect == "mariadb" else dialect
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
    values = {"postgresql": {"quoted": quoted}, "sqlite": {"name": name}}
    return _QUESTIONS[dialect], values.get(dialect, {"name": name, "schema": schema or None})


def families(dialect: str, rows: Iterable[Sequence[Any]]) -> dict[str, Family]:
    """Column → what it holds."""
    if dialect == "postgresql":
        return {name: _POSTGRES.get(kind, Family.OTHER) for name, kind in rows}
    return {str(name): _declared(str(kind)) for name, kind in rows}


def _declared(kind: str) -> Family:
    return next(
        (family for form, family in _DECLARED if re.search(form, kind.strip(), re.IGNORECASE)), Family.OTHER
    )


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INTEGER: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_BITS: Final = {Family.SMALL: 16, Family.WHOLE: 32, Family.BIG: 64}


def fitting(family: Family, keys: Iterable[str]) -> list[Any]:
    """Those of the keys that a column of this family can have, as it has them."""
    if family in _BITS:
        limit = 2 ** (_BITS[family] - 1)
        whole = (int(key) for key in keys if _INTEGER.fullmatch(key))
        return [number for number in whole if -limit <= number < limit]
    if family is Family.UUID:
        return [key for key in keys if _UUID.fullmatch(key)]
    return [key for key in keys if "\0" not in key]


# ── Values ───────────────────────────────────────────────────────────────────────────────────────

Conversion = Callable[[Any], Any]


def conversions(entity: Entity, columns: Columns) -> dict[str, Conversion]:
    """Column → what makes of its values what PostgreSQL's driver would give; without those that are so."""
    hints = _hints(entity)
    found = {name: _CONVERSIONS.get(hints.get(name, family)) for name, family in columns.items()}
    found |= {
        f"_rule_{number}_where": _as_boolean for number, rule in enumerate(entity.visible) if rule.where_sql
    }
    found |= {
        f"_rule_{number}_value": _as_members for number, rule in enumerate(entity.visible) if rule.value_sql
    }
    return {name: conversion for name, conversion in found.items() if conversion}


def _hints(entity: Entity) -> dict[str, Family]:
    """What the map says of columns: it writes `true` of a boolean, and 1 of a number."""
    hints = {
        source: Family.BOOLEAN
        for field, column in entity.readable
        if isinstance(column, FactColumn) and column.kind is FactKind.BOOLEAN
        for source in entity.sources(field)
    }
    paths = (source for field, _ in entity.readable for source in entity.sources(field) if "." in source)
    hints |= {path.partition(".")[0]: Family.JSON for path in paths}
    hints |= {name: Family.BOOLEAN for name in (entity.consent, entity.internal) if name}
    if entity.retention:
        hints[entity.retention.column] = Family.DAY
    compared: list[Condition] = [entity.where, *(rule.where for rule in entity.visible)]
    compared += [{flag.column: flag.equals} for flag in entity.flags.values()]
    for condition in compared:
        for name, values in condition.items():
            if any(isinstance(value, bool) for value in values):
                hints[name] = Family.BOOLEAN
            elif any(isinstance(value, int) for value in values):
                hints[name] = Family.BIG
    return hints


def _as_boolean(value: Any) -> Any:
    if isinstance(value, bytes):
        value = int.from_bytes(value)  # BIT(1)
    return bool(value) if isinstance(value, int) and value in (0, 1) else value


def _as_number(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _as_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _as_members(value: Any) -> Any:
    """A JSON array as the list that it is; every other value stays as it is."""
    found = _as_json(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    return found if isinstance(found, list) else value


def _as_day(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return _as_moment(value)


def _as_moment(value: Any) -> Any:
    if not isinstance(value, str) or value.startswith("0000-"):
        return None if isinstance(value, str) else value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    return found.astimezone(UTC) if found.tzinfo else found


def _as_time(value: Any) -> Any:
    if isinstance(value, timedelta) and timedelta(0) <= value < timedelta(days=1):
        return (datetime(1, 1, 1, tzinfo=UTC) + value).time()
    return value


_CONVERSIONS: Final[Mapping[Family, Conversion]] = {
    Family.BOOLEAN: _as_boolean,
    Family.NUMBER: _as_number,
    Family.JSON: _as_json,
    Family.DAY: _as_day,
    Family.MOMENT: _as_moment,
    Family.CLOCK: _as_moment,
    Family.OTHER: _as_time,
}


# ── Watermarks ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Watermark:
    """A column that says when a row was changed: how to ask for what is new, and what an answer means.

    `is_new` is run with the values of `since`; `moment` is what to select and `read` makes a time of it.
    """

    is_new: Bool
    moment: sa.ColumnElement[Any]
    since: Callable[[datetime], dict[str, Any]]
    read: Callable[[Any], datetime]


def watermark(dialect: str, column: sa.ColumnElement[Any], family: Family, zone: str | None) -> Watermark:
    """`zone` is that of times which are kept without one."""
    if dialect == "postgresql":
        # with its own zone for times without one: the session has it
        moment = sa.cast(column, sa.TIMESTAMP(timezone=True))
        return Watermark(column >= bind("since"), moment, lambda since: {"since": since}, _taken)
    where = ZoneInfo(zone) if zone else UTC
    if dialect == "sqlite":
        return _watermark_sqlite(column, family, where)
    kept = UTC if family is Family.MOMENT else where  # the session is in UTC
    return Watermark(
        column >= bind("since"),
        column,
        lambda since: {"since": _within(since, kept).replace(tzinfo=None)},
        lambda value: _aware(value, kept),
    )


def _watermark_sqlite(column: sa.ColumnElement[Any], family: Family, where: tzinfo) -> Watermark:
    if family in _BITS or family is Family.NUMBER:
        is_new = sa.or_(
            column.between(bind("since"), sa.literal_column(str(_SECONDS), AS_IT_IS)),
            column >= bind("since_ms"),
        )
        return Watermark(
            is_new,
            column,
            lambda since: {
                "since": max(since.timestamp(), 0.0),
                "since_ms": max(since.timestamp() * 1000, float(_SECONDS)),
            },
            lambda value: datetime.fromtimestamp(value / 1000 if value > _SECONDS else value, UTC),
        )
    # text: the first finds by an index whatever zone a time has and however it is written, within two days
    return Watermark(
        sa.and_(column >= bind("since_day"), sa.func.julianday(column) >= sa.func.julianday(bind("since"))),
        column,
        lambda since: {
            "since": _within(since, where).replace(tzinfo=None).isoformat(" ", "milliseconds"),
            "since_day": _before(since, timedelta(days=2)).date().isoformat(),
        },
        lambda value: _aware(datetime.fromisoformat(value), where),
    )


_SECONDS: Final = 99_999_999_999
"""Up to here a whole number is seconds since 1970, beyond it milliseconds."""


def _taken(value: Any) -> Any:
    return value


def _within(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.year <= 1 else moment.astimezone(zone)


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment if moment.year <= 1 else moment - span


def _aware(value: Any, zone: tzinfo) -> datetime:
    found = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
