"""Records out of the CSV and JSON files of an export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from retrieval.crm.errors import ImportFailed

SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")

MAX_FIELD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Records:
    """The rows for one table. ``positions`` says where each row stands ("row 17", "line 3", "entry “x”")."""

    file: str
    table: str
    headings: tuple[str, ...]
    rows: list[dict[str, Any]]
    positions: list[str]
    quoted_numbers_are_text: bool


def read_folder(folder: Path) -> Iterator[Records]:
    """Every table in the CSV and JSON files of ``folder``, in the order of their names.

    Raises :class:`ImportFailed` with the file and, where there is one, the row.
    """
    if not folder.is_dir():
        raise ImportFailed(f"There is no folder {folder}; give the folder that holds the export's files.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise ImportFailed(f"There is no CSV or JSON file in {folder}; give the folder that holds them.")
    for path in files:
        yield from read_file(path)


def read_file(path: Path) -> Iterator[Records]:
    """The tables in one file: one, or several for a JSON object whose values are collections."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailed(
            f"{path.name} is not UTF-8 (byte {error.start}); save it as UTF-8 and import again."
        ) from error
    except OSError as error:
        raise ImportFailed(f"{path.name} cannot be read ({error.strerror}).") from error
    match path.suffix.lower():
        case ".json":
            yield from _from_json(path, text)
        case ".jsonl":
            yield from _from_lines(path, text)
        case _:
            yield _from_csv(path, text)


def _from_csv(path: Path, text: str) -> Records:
    csv.field_size_limit(MAX_FIELD)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows: list[dict[str, Any]] = []
    positions: list[str] = []
    try:
        headings = next(reader, [])
        if not any(heading.strip() for heading in headings):
            raise ImportFailed(f"{path.name} has no headings; its first row must name the columns.")
        if len(set(headings)) != len(headings):
            twice = next(heading for heading in headings if headings.count(heading) > 1)
            raise ImportFailed(f"{path.name} names the column “{twice}” twice; rename one of them.")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(headings):
                raise ImportFailed(
                    f"{path.name}, row {reader.line_num}: {len(cells)} cells where the headings have "
                    f"{len(headings)}; put quotes around cells that hold the separator “{delimiter}”."
                )
            rows.append({name: cell or None for name, cell in zip(headings, cells, strict=True)})
            positions.append(f"row {reader.line_num}")
    except csv.Error as error:
        raise ImportFailed(
            f"{path.name}, row {reader.line_num}: {error}; correct the quotes there."
        ) from error
    return Records(path.name, path.stem, tuple(headings), rows, positions, quoted_numbers_are_text=False)


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def _from_lines(path: Path, text: str) -> Iterator[Records]:
    rows, positions = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            rows.append(_parsed(path, line, number))
            positions.append(f"line {number}")
    yield _records(path, path.stem, rows, positions)


def _from_json(path: Path, text: str) -> Iterator[Records]:
    content = _parsed(path, text)
    if isinstance(content, list):
        yield _records(path, path.stem, content, [f"entry {number}" for number in range(1, len(content) + 1)])
    elif isinstance(content, dict) and content and all(map(_is_collection, content.values())):
        for name, collection in content.items():
            yield _from_collection(path, name, collection)
    elif isinstance(content, dict) and content and all(isinstance(value, dict) for value in content.values()):
        yield _from_collection(path, path.stem, content)
    else:
        raise ImportFailed(
            f"{path.name} is neither a list of objects nor an object of them; export the records as a list."
        )


def _is_collection(value: Any) -> bool:
    """A list of objects, or an object whose values are objects: what becomes a table of its own."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(members) and all(isinstance(member, dict) for member in members)


def _from_collection(path: Path, name: str, collection: Any) -> Records:
    if isinstance(collection, list):
        positions = [f"“{name}”, entry {number}" for number in range(1, len(collection) + 1)]
        return _records(path, name, collection, positions)
    rows = [
        record if key in map(str, record.values()) else {"key": key, **record}
        for key, record in collection.items()
    ]
    return _records(path, name, rows, [f"entry “{key}”" for key in collection])


def _records(path: Path, table: str, rows: list[Any], positions: list[str]) -> Records:
    if not rows:
        raise ImportFailed(f"{path.name} holds no records, so its columns are unknown; remove the file.")
    for row, position in zip(rows, positions, strict=True):
        if not isinstance(row, dict):
            raise ImportFailed(f"{path.name}, {position}: this is no object; every record must be one.")
    headings = tuple(dict.fromkeys(heading for row in rows for heading in row))
    if not headings:
        raise ImportFailed(f"{path.name} holds empty objects only; remove the file.")
    return Records(path.name, table, headings, rows, positions, quoted_numbers_are_text=True)


def _parsed(path: Path, text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ImportFailed(
            f"{path.name}, line {line or error.lineno}: {error.msg}; correct the JSON there."
        ) from error
    except RecursionError as error:
        raise ImportFailed(f"{path.name} is nested too deeply; export flat records.") from error
    except ValueError as error:
        where = f", line {line}" if line else ""
        raise ImportFailed(f"{path.name}{where}: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number; write null where there is no value.")
