"""The way to the CRM database: the only module here that imports psycopg."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection, sql
from psycopg.errors import QueryCanceled
from psycopg.rows import dict_row, tuple_row
from psycopg.types.json import Jsonb

from retrieval.crm.errors import CrmRefused, CrmUnavailable, RowUnreadable

__all__ = [
    "AsyncConnection",
    "Composable",
    "Composed",
    "Connection",
    "Jsonb",
    "QueryCanceled",
    "connect",
    "copy_rows",
    "described",
    "dict_row",
    "sql",
    "table_name",
    "translated",
    "tuple_row",
]

Composable = sql.Composable
Composed = sql.Composed
CONNECT_SECONDS = 10


@contextmanager
def connect(dsn: str, *, application_name: str = "cloister-crm") -> Iterator[Connection[tuple[Any, ...]]]:
    """One connection and one transaction: committed at the end of the block, rolled back by an error.

    Raises :class:`CrmUnavailable` when the database does not answer and :class:`CrmRefused` when it refuses.
    """
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
    except psycopg.OperationalError as error:
        raise CrmUnavailable(
            "The CRM database does not answer; check that it runs and that its address and "
            f"password are right ({_reason(error)})."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise CrmRefused(
            f"The CRM database refuses this role ({_reason(error)}); grant it what the map needs."
        ) from error
    except psycopg.DataError as error:
        raise RowUnreadable(f"The CRM has a value that cannot be read ({type(error).__name__}).") from error
    except psycopg.Error as error:
        raise CrmRefused(f"The CRM database refused a statement ({_reason(error)}).") from error


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


def _reason(error: psycopg.Error) -> str:
    """The primary message; details of the server may quote a row and are left out."""
    primary = error.diag.message_primary
    if primary:
        return primary
    return (
        type(error).__name__
        if error.diag.sqlstate
        else str(error).strip().splitlines()[0]
        if str(error)
        else "no reason given"
    )
