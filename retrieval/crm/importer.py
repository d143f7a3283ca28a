"""Loads an export into PostgreSQL, so that anyone can try Cloister on it: one table for each file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.crm.database import Connection, connect, copy_rows, sql, table_name
from retrieval.crm.errors import AlreadyImported, ImportFailed
from retrieval.crm.files import Records, read_folder
from retrieval.crm.held import HeldRight, give_back, rights_on
from retrieval.crm.inference import ColumnType, convert, infer
from retrieval.crm.names import column_names, singular, snake_case
from retrieval.crm.opaque import ROW_ID, names_somebody, with_numbers

OnProgress = Callable[[str, int], None]
"""Called with a table's name and the number of rows in it, after each table."""

STAFF = "staff"
_MAX_INDEXED = 200


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """``columns`` is name → type, ``renamed`` is name → heading where they differ, ``key`` is primary."""

    name: str
    file: str
    rows: int
    key: str
    columns: dict[str, ColumnType]
    renamed: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Table:
    records: Records
    name: str
    names: dict[str, str]
    types: dict[str, ColumnType]
    key: str | None


def import_folder(
    folder: Path | str,
    dsn: str,
    on_progress: OnProgress | None = None,
    *,
    replace: bool = False,
    staff: Mapping[str, str] | None = None,
    opaque_keys: bool = False,
) -> tuple[ImportedTable, ...]:
    """Create a table for each CSV, TSV, JSON or JSON Lines file of ``folder`` and fill it, all or nothing.

    A JSON file may hold a list of objects, an object of objects (each is a row), or an object of several
    such collections (each is a table). Raises :class:`AlreadyImported` when one of the tables exists and
    ``replace`` is false, and :class:`ImportFailed` with file and row for everything that is wrong with files.
    Who could read a table that is replaced can read the columns that it still has.

    A key that says who somebody is (anna_smith_7, a mail address) stays a column, and the table gets a
    ``row_id`` as its key; tables that refer to it get ``<…>_row_id`` beside their column. ``opaque_keys``
    does so for every key that is no number. ``staff`` (login → role) becomes a table ``staff`` of those who
    may sign in, for exports that have no users.
    """
    tables = _planned(Path(folder), staff or {}, opaque_keys)
    with connect(dsn, application_name="cloister-import") as connection:
        held = _make_room(connection, tables, replace)
        imported = tuple(_create(connection, table, on_progress) for table in tables)
        for table in imported:
            give_back(connection, table.name, {*table.columns, table.key}, held.get(table.name, ()))
        return imported


def _planned(folder: Path, staff: Mapping[str, str], opaque_keys: bool) -> list[_Table]:
    planned = _by_name(read_folder(folder))
    if staff:
        signing_in = _plan(_staff(staff))
        if STAFF in planned:
            raise ImportFailed(f"{planned[STAFF].records.file} would be the table staff; leave --staff out.")
        planned[STAFF] = signing_in
    named = {
        table.records.table: heading
        for table in planned.values()
        if (heading := _telling_key(table, opaque_keys)) is not None
    }
    if not named:
        return list(planned.values())
    numbered = with_numbers([table.records for table in planned.values()], named)
    return [_plan(records, key=key) for records, key in numbered]


def _by_name(found: Iterator[Records]) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    for records in found:
        table = _plan(records)
        if table.name in tables:
            raise ImportFailed(
                f"{records.file} and {tables[table.name].records.file} would both become the table "
                f"{table.name}; rename one of them."
            )
        tables[table.name] = table
    return tables


def _telling_key(table: _Table, opaque_keys: bool) -> str | None:
    """The heading of the table's key when a number must stand in its place."""
    heading = next((heading for heading, column in table.names.items() if column == table.key), None)
    if heading is None or table.types[str(table.key)] is ColumnType.BIGINT:
        return None
    return heading if opaque_keys or names_somebody(table.records, heading) else None


def _staff(staff: Mapping[str, str]) -> Records:
    rows = [
        {"staff_id": number, "email": login, "role": role}
        for number, (login, role) in enumerate(staff.items(), 1)
    ]
    positions = [f"--staff {number}" for number in range(1, len(rows) + 1)]
    return Records(
        "--staff", STAFF, ("staff_id", "email", "role"), rows, positions, quoted_numbers_are_text=True
    )


def _plan(records: Records, key: str | None = None) -> _Table:
    name = snake_case(records.table)
    if not name:
        raise ImportFailed(
            f"{records.file} has a name without letters; rename it, the table is named after it."
        )
    names = column_names(records.headings)
    types = {
        column: infer(
            (row.get(heading) for row in records.rows),
            quoted_numbers_are_text=records.quoted_numbers_are_text,
        )
        for heading, column in names.items()
    }
    return _Table(records, name, names, types, names[key] if key else _key(records, name, names, types))


def _key(records: Records, table: str, names: dict[str, str], types: dict[str, ColumnType]) -> str | None:
    """The column that tells rows apart: ``id``, ``<table>_id``, ``key``, or the first ``…_id`` that does."""
    preferred = ["id", f"{singular(table)}_id", f"{table}_id", "key"]
    others = [column for column in names.values() if column.endswith("_id") and column not in preferred]
    headings = {column: heading for heading, column in names.items()}
    for column in [*preferred, *others]:
        if column in headings and types[column] in (ColumnType.BIGINT, ColumnType.TEXT):
            values = [row.get(headings[column]) for row in records.rows]
            if all(value not in (None, "") for value in values) and len(set(map(str, values))) == len(values):
                return column
    return None


def _make_room(
    connection: Connection[Any], tables: list[_Table], replace: bool
) -> dict[str, list[HeldRight]]:
    """Drop the tables that are replaced; gives who had which right on them."""
    held: dict[str, list[HeldRight]] = {}
    for table in tables:
        found = connection.execute(
            "SELECT to_regclass(%s)", [sql.Identifier(table.name).as_string(connection)]
        ).fetchone()
        if found is None or found[0] is None:
            continue
        if not replace:
            raise AlreadyImported(
                f"The table {table.name} exists already; "
                "ask for a replacement (--replace), or import into another database."
            )
        held[table.name] = rights_on(connection, table.name)
        connection.execute(sql.SQL("DROP TABLE {}").format(table_name(table.name)))
    return held


def _create(connection: Connection[Any], table: _Table, on_progress: OnProgress | None) -> ImportedTable:
    definitions = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind.value))
        for column, kind in table.types.items()
    ]
    key = table.key or _free(ROW_ID, table.types)
    if table.key is None:
        definitions.insert(0, sql.SQL("{} bigint GENERATED ALWAYS AS IDENTITY").format(sql.Identifier(key)))
    definitions.append(sql.SQL("PRIMARY KEY ({})").format(sql.Identifier(key)))
    connection.execute(
        sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(table.name), sql.SQL(", ").join(definitions))
    )
    rows = copy_rows(connection, table.name, list(table.types), _converted(table))
    for column in _references(table):
        connection.execute(
            sql.SQL("CREATE INDEX ON {} ({})").format(sql.Identifier(table.name), sql.Identifier(column))
        )
    connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.name)))
    if on_progress:
        on_progress(table.name, rows)
    renamed = {column: heading for heading, column in table.names.items() if heading != column}
    return ImportedTable(table.name, table.records.file, rows, key, dict(table.types), renamed)


def _converted(table: _Table) -> Iterator[list[Any]]:
    for row, position in zip(table.records.rows, table.records.positions, strict=True):
        values = []
        for heading, column in table.names.items():
            try:
                values.append(convert(row.get(heading), table.types[column]))
            except ValueError as error:
                raise ImportFailed(
                    f"{table.records.file}, {position}, column “{heading}”: {error}; correct the value."
                ) from error
        yield values


def _references(table: _Table) -> Iterator[str]:
    """Columns that probably name other rows, and are short enough to be indexed."""
    for heading, column in table.names.items():
        if column == table.key or not column.endswith("_id") or table.types[column] is ColumnType.JSONB:
            continue
        if all(len(str(row.get(heading) or "")) <= _MAX_INDEXED for row in table.records.rows):
            yield column


def _free(name: str, taken: dict[str, ColumnType]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)
