"""Keys that say who somebody is, such as anna_smith_7, and numbers in place of them.

Keys stand in references, links and the record of what happened, where no name may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from retrieval.crm.files import Records
from retrieval.crm.names import singular, snake_case

ROW_ID: Final = "row_id"

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_ABOUT_SOMEBODY: Final = re.compile(r"name|mail|person|contact", re.IGNORECASE)
_OFTEN: Final = 0.5


def names_somebody(records: Records, heading: str) -> bool:
    """Whether most values of this column are mail addresses, or made of words of the row's own names."""
    rows = [row for row in records.rows if row.get(heading)]
    telling = sum(_tells(str(row[heading]), row, heading) for row in rows)
    return bool(rows) and telling >= _OFTEN * len(rows)


def with_numbers(tables: Sequence[Records], keys: Mapping[str, str]) -> list[tuple[Records, str | None]]:
    """The same tables with a number for each row of those in ``keys`` (table → heading of its key), and with
    that number beside each column of another table that holds such keys; each with the heading of its new
    key, if it has one."""
    numbers = {
        records.table: {str(row[keys[records.table]]): place for place, row in enumerate(records.rows, 1)}
        for records in tables
        if records.table in keys
    }
    return [_numbered(records, keys, numbers) for records in tables]


def _tells(key: str, row: Mapping[str, Any], heading: str) -> bool:
    if "@" in key:
        return True
    words = {word.casefold() for word in _WORD.findall(key)}
    others = (value for name, value in row.items() if name != heading)
    named = {name: value for name, value in row.items() if name != heading and _ABOUT_SOMEBODY.search(name)}
    told = {word.casefold() for value in (*named.values(), *_inner(others)) for word in _words(value)}
    return bool(words & told)


def _inner(values: Iterator[Any]) -> Iterator[Any]:
    """What stands under a telling name within JSON."""
    for value in values:
        if isinstance(value, dict):
            for name, part in value.items():
                if _ABOUT_SOMEBODY.search(name):
                    yield part


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _words(part)
    elif isinstance(value, str):
        yield from _WORD.findall(value)


def _numbered(
    records: Records, keys: Mapping[str, str], numbers: Mapping[str, Mapping[str, int]]
) -> tuple[Records, str | None]:
    added: dict[str, list[int | None]] = {}
    own = None
    if records.table in numbers:
        own = _free(ROW_ID, records.headings)
        added[own] = list(range(1, len(records.rows) + 1))
    for table, known in numbers.items():
        for heading in records.headings:
            if table == records.table or not _refers(records, heading, keys[table], known):
                continue
            name = _free(f"{_stem(heading, table)}_{ROW_ID}", (*records.headings, *added))
            added[name] = [known.get(str(row.get(heading))) for row in records.rows]
    rows = [
        {**row, **{name: values[place] for name, values in added.items()}}
        for place, row in enumerate(records.rows)
    ]
    return replace(records, headings=(*records.headings, *added), rows=rows), own


def _refers(records: Records, heading: str, key: str, known: Mapping[str, int]) -> bool:
    """Whether a column holds keys of the other table: by its name, and most of its values are some."""
    values = [str(row[heading]) for row in records.rows if isinstance(row.get(heading), str | int)]
    if not values or not (heading == key or snake_case(heading).endswith("_id")):
        return False
    return sum(value in known for value in values) >= _OFTEN * len(values)


def _stem(heading: str, table: str) -> str:
    return snake_case(heading).removesuffix("_id") or singular(snake_case(table))


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else _free(f"{name}_2", taken)
