"""The way to the CRM database: psycopg is imported here, and where its log is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import QueryCanceled
from psycopg.rows import dict_row, tuple_row
from psycopg.types.json import Jsonb

from retrieval.crm.errors import CrmError, CrmRefused, CrmTimedOut, CrmUnavailable, RowUnreadable

__all__ = [
    "AsyncConnection",
    "Composable",
    "Composed",
    "Connection",
    "Jsonb",
    "QueryCanceled",
    "address",
    "connect",
    "connector",
    "copy_rows",
    "described",
    "dict_row",
    "is_fault_of_postgres",
    "sql",
    "table_name",
    "translated",
    "translation",
    "tuple_row",
]

Composable = sql.Composable
Composed = sql.Composed
CONNECT_SECONDS = 10

_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


def address(dsn: str) -> dict[str, Any]:
    """The parameters in libpq's address. Raises :class:`CrmRefused`, which does not repeat it."""
    try:
        return dict(conninfo_to_dict(dsn))
    except psycopg.Error:
        raise CrmRefused(
            "The address of the CRM's database cannot be read. It is that of a PostgreSQL, in libpq's form, "
            "such as postgresql://user@host/name; other databases cannot be reached here."
        ) from None


@contextmanager
def connect(dsn: str, *, application_name: str = "cloister-crm") -> Iterator[Connection[tuple[Any, ...]]]:
    """One connection and one transaction: committed at the end of the block, rolled back by an error.

    Raises :class:`CrmUnavailable` when the database does not answer and :class:`CrmRefused` when it refuses.
    """
    address(dsn)
    with (
        translated(),
        psycopg.connect(
            dsn, connect_timeout=CONNECT_SECONDS, application_name=application_name, row_factory=tuple_row
        ) as connection,
    ):
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into ours; the message names the fault and never a row's content."""
    try:
        yield
    except psycopg.Error as error:
        raise translation(error) from error


def translation(error: BaseException) -> CrmError:
    """Our error for one of psycopg's."""
    if isinstance(error, QueryCanceled):
        return CrmTimedOut(f"The CRM database does not answer in time ({_reason(error)}).")
    if isinstance(error, psycopg.OperationalError):
        return CrmUnavailable(
            "The CRM database does not answer; check that it runs and that its address and "
            f"password are right ({_reason(error)})."
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return CrmRefused(
            f"The CRM database refuses this role ({_reason(error)}); grant it what the map needs."
        )
    if isinstance(error, psycopg.DataError):
        return RowUnreadable(f"The CRM has a value that cannot be read ({type(error).__name__}).")
    return CrmRefused(f"The CRM database refused a statement ({_reason(error)}).")


def is_fault_of_postgres(error: BaseException) -> bool:
    return isinstance(error, psycopg.Error)


def connector(dsn: str, application_name: str) -> Callable[[], Connection[Any]]:
    """Connects to ``dsn``, for whoever keeps the connections. Raises as :func:`address`."""
    address(dsn)
    return lambda: psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS, application_name=application_name)


def copy_rows(
    connection: Connection[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Write ``rows`` into ``table`` by COPY and return their number."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        table_name(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def described(connection: Connection[Any], statement: Composed) -> tuple[int, str | None]:
    """The type (oid) of the first column that ``statement`` gives, or why it cannot be run; in a transaction
    that may only read and is undone."""
    try:
        with connection.transaction(force_rollback=True), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(statement)
            return (cursor.description or [])[0].type_code, None
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        return 0, _reason(error)


def table_name(table: str) -> sql.Identifier:
    """``accounts`` or ``crm.accounts`` as quoted SQL."""
    return sql.Identifier(*table.split("."))


def _reason(error: BaseException) -> str:
    """What the server says first; its details may quote a row and are left out, and so is what it says of a
    value that does not fit. libpq's own words about an address may quote the address with its password."""
    name = type(error).__name__
    if not isinstance(error, psycopg.Error) or isinstance(error, psycopg.DataError):
        return name
    if error.diag.message_primary:
        return error.diag.message_primary
    if error.diag.sqlstate or not isinstance(error, psycopg.OperationalError):
        return name
    said = str(error).strip().splitlines()[:1]
    # a server that was reached is quoted by its name; before that it may be any part of the address
    return "".join(one if "connection to server" in one else _QUOTED.sub("…", one) for one in said) or name
