"""The narrowest PostgreSQL type that every value of a column fits, and the values in that type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class ColumnType(StrEnum):
    BIGINT = "bigint"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMPTZ = "timestamptz"
    JSONB = "jsonb"
    TEXT = "text"


_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_NUL = re.compile("\x00")
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_BIGINT_MAX = 2**63


def infer(values: Iterable[Any], *, quoted_numbers_are_text: bool) -> ColumnType:
    """The type of a column with ``values``; nulls and empty strings say nothing, and nothing at all is text.

    ``quoted_numbers_are_text``: in JSON ``"7"`` is text because its author wrote quotes; in CSV quotes say
    nothing, so numbers are recognised (never with leading zeros: those are codes).
    """
    kinds = set()
    for value in values:
        if value is None or value == "":
            continue
        kinds.add(_kind(value, quoted_numbers_are_text))
        if ColumnType.JSONB in kinds:
            return ColumnType.JSONB
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {ColumnType.BIGINT, ColumnType.NUMERIC}:
        return ColumnType.NUMERIC
    if kinds == {ColumnType.DATE, ColumnType.TIMESTAMPTZ}:
        return ColumnType.TIMESTAMPTZ
    return ColumnType.TEXT


def convert(value: Any, kind: ColumnType) -> Any:
    """``value`` as it goes into a column of this type; :class:`ValueError` for text that cannot be stored."""
    if value is None or (value == "" and kind is not ColumnType.JSONB and kind is not ColumnType.TEXT):
        return None
    match kind:
        case ColumnType.JSONB:
            return _storable(json.dumps(value, ensure_ascii=False, default=_number), _NUL_IN_JSON)
        case ColumnType.TEXT:
            return _storable(_written(value), _NUL)
        case ColumnType.BOOLEAN:
            return value if isinstance(value, bool) else value.lower() == "true"
        case ColumnType.BIGINT:
            return int(value)
        case ColumnType.NUMERIC:
            return Decimal(str(value))
        case ColumnType.DATE:
            return date.fromisoformat(value)
        case ColumnType.TIMESTAMPTZ:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _kind(value: Any, quoted_numbers_are_text: bool) -> ColumnType:
    if isinstance(value, bool):
        return ColumnType.BOOLEAN
    if isinstance(value, int):
        return ColumnType.BIGINT if abs(value) < _BIGINT_MAX else ColumnType.NUMERIC
    if isinstance(value, float | Decimal):
        return ColumnType.NUMERIC
    if isinstance(value, str):
        return _kind_of_text(value, quoted_numbers_are_text)
    return ColumnType.JSONB


def _kind_of_text(text: str, quoted_numbers_are_text: bool) -> ColumnType:
    if text.lower() in ("true", "false"):
        return ColumnType.BOOLEAN
    if not quoted_numbers_are_text and _INTEGER.fullmatch(text):
        return ColumnType.BIGINT if abs(int(text)) < _BIGINT_MAX else ColumnType.NUMERIC
    if not quoted_numbers_are_text and _DECIMAL.fullmatch(text):
        return ColumnType.NUMERIC
    if _DATE.fullmatch(text) and _is_moment(text):
        return ColumnType.DATE
    if _TIME.fullmatch(text) and _is_moment(text):
        return ColumnType.TIMESTAMPTZ
    return ColumnType.TEXT


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Any) -> float:
    """A JSON number that was read as a decimal; a jsonb column keeps it as it is written."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no part of JSON")


def _storable(text: str, nul: re.Pattern[str]) -> str:
    if nul.search(text):
        raise ValueError("it holds a NUL character, which no PostgreSQL text can hold")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a lone surrogate)") from None
    return text
