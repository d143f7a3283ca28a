"""The way to the CRM database by SQLAlchemy: connections that may only read, their limits, their faults.

What differs between PostgreSQL, SQLite and MariaDB or MySQL in a session is here; what differs in SQL is in
`clauses`, and in values in `shapes`.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimedOut
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from retrieval.crm.database import connector, is_fault_of_postgres, translation
from retrieval.crm.errors import CrmError, CrmRefused, CrmTimedOut, CrmUnavailable, RowUnreadable
from retrieval.settings import CrmSettings

CONNECT_S: Final = 3
_RECYCLE_S: Final = 600
_STATEMENTS: Final = 1_200  # kept compiled: of each method one for each kind and set of roles
_LOOK_AT_CLOCK: Final = 10_000  # instructions of SQLite's machine
_NAME: Final = "cloister-retrieval"

_TIMED_OUT: Final = frozenset({1205, 1317, 1969, 3024})
_AWAY: Final = frozenset(
    {1040, 1044, 1045, 1049, 1053, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1203, *range(2000, 2100)}
)
_MAY_NOT: Final = frozenset({1142, 1143, 1227, 1370})
_UNREADABLE: Final = frozenset({1292, 1365, 1366, 1406, 1411, 1525, 1690, 3140, 3141, 4038})
_ABOUT_NAMES: Final = frozenset({1046, 1052, 1054, 1109, 1142, 1143, 1146, 1305, 1370})
"""Faults of MariaDB and MySQL whose sentence speaks of tables and columns alone, never of a value."""


def open_engine(settings: CrmSettings, timeout_s: float) -> AsyncEngine:
    """Connections to the CRM for statements that take at most `timeout_s`; it connects when it is asked.

    Every statement is a transaction of its own, and none may write.
    """
    return _ENGINES[settings.database](settings, timeout_s)


def engine_at(dsn: str, *, application_name: str = "cloister-crm") -> sa.Engine:
    """A blocking engine for a PostgreSQL URL, for commands and jobs."""
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=connector(dsn, application_name),
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
    )


def bound(dialect: sa.Dialect, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as this database's driver takes them in the place of a `bind`."""
    if dialect.name == "sqlite":
        return {name: _bound_sqlite(value) for name, value in values.items()}
    if dialect.name in ("mysql", "mariadb"):
        return _bound_mysql(values)
    return dict(values)


@contextmanager
def sql_translated() -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours; the message names the fault and never a row's content."""
    try:
        yield
    except PoolTimedOut as error:
        raise CrmTimedOut("The CRM database does not answer; every connection to it is busy.") from error
    except DBAPIError as error:
        raise _translated(error.orig or error) from None  # what it says may quote a row
    except UnicodeError as error:
        raise _translated(error) from None
    except SQLAlchemyError as error:
        raise CrmRefused(f"The CRM database cannot be asked this ({type(error).__name__}).") from None


def _translated(fault: BaseException) -> CrmError:
    if is_fault_of_postgres(fault):
        return translation(fault)
    if type(fault).__module__.partition(".")[0] == "sqlite3":
        return _translated_sqlite(str(fault))
    code = fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0
    reason = str(fault.args[1]) if code in _ABOUT_NAMES and len(fault.args) > 1 else f"error {code}"
    if code in _TIMED_OUT:
        return CrmTimedOut(f"The CRM database does not answer in time ({reason}).")
    if code in _AWAY or isinstance(fault, OSError):
        return CrmUnavailable(
            "The CRM database does not answer; check that it runs and that its address and "
            f"password are right ({reason})."
        )
    if code in _UNREADABLE or isinstance(fault, UnicodeError):
        return RowUnreadable(f"The CRM has a value that cannot be read ({reason}).")
    if code in _MAY_NOT:
        return CrmRefused(f"The CRM database refuses this role ({reason}); grant it what the map needs.")
    return CrmRefused(f"The CRM database refused a statement ({reason}).")


def _translated_sqlite(reason: str) -> CrmError:
    if reason == "interrupted":
        return CrmTimedOut("The CRM database does not answer in time.")
    if any(words in reason for words in ("unable to open", "locked", "disk I/O", "closed")):
        return CrmUnavailable(
            f"The CRM database does not answer; check that its file can be read ({reason})."
        )
    if reason.startswith(("malformed JSON", "Could not decode")):
        return RowUnreadable("The CRM has a value that cannot be read.")
    named = reason.startswith(("no such", "ambiguous column", "attempt to write", "file is not a database"))
    return CrmRefused(f"The CRM database refused a statement ({reason if named else 'SQLite'}).")


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────


def _postgres(settings: CrmSettings, timeout_s: float) -> AsyncEngine:
    return _engine(sa.URL.create("postgresql+psycopg"), settings, settings.parameters(timeout_s))


def _mysql(settings: CrmSettings, timeout_s: float) -> AsyncEngine:
    url = sa.URL.create(
        "mysql+aiomysql",
        settings.user,
        settings.password,
        settings.host,
        settings.port,
        settings.name,
        {"charset": "utf8mb4"},
    )
    arguments: dict[str, object] = {"connect_timeout": CONNECT_S, "program_name": _NAME}
    if context := _tls(settings):
        arguments["ssl"] = context

    def begin(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT VERSION()")
        limit = (
            f"max_statement_time = {timeout_s:.3f}"
            if "mariadb" in str(cursor.fetchone()[0]).lower()
            else f"max_execution_time = {int(timeout_s * 1000)}"
        )
        cursor.execute(f"SET SESSION {limit}, time_zone = '+00:00'")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()

    return _engine(url, settings, arguments, begin)


def _sqlite(settings: CrmSettings, timeout_s: float) -> AsyncEngine:
    url = sa.URL.create(
        "sqlite+aiosqlite",
        database=f"file:{quote(settings.name or '')}",
        query={"mode": "ro", "uri": "true"},
    )

    def begin(connection: Any, record: Any) -> None:
        until = record.info["until"] = [0.0]
        interrupts = connection.driver_connection.set_progress_handler
        connection.run_async(
            lambda _: interrupts(lambda: int(time.monotonic() > until[0] > 0), _LOOK_AT_CLOCK)
        )
        connection.create_function("lower", 1, _lowered, deterministic=True)
        connection.create_function("concat_ws", -1, _joined, deterministic=True)
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    engine = _engine(url, settings, {"timeout": timeout_s}, begin)

    @sa.event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _(connection: sa.Connection, *_: Any) -> None:
        connection.info["until"][0] = time.monotonic() + timeout_s

    return engine


def _engine(
    url: sa.URL,
    settings: CrmSettings,
    arguments: Mapping[str, object],
    begin: Callable[[Any, Any], None] | None = None,
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        connect_args=dict(arguments),
        isolation_level="AUTOCOMMIT",
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_S,
        pool_recycle=_RECYCLE_S,
        query_cache_size=_STATEMENTS,
        hide_parameters=True,
        skip_autocommit_rollback=True,
    )
    if begin:
        sa.event.listen(engine.sync_engine, "connect", begin)
    return engine


def _tls(settings: CrmSettings) -> ssl.SSLContext | None:
    """TLS for MariaDB and MySQL, which know no `prefer`: it is asked for or it is not."""
    if settings.sslmode in ("disable", "allow", "prefer"):
        return None
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.check_hostname = settings.sslmode == "verify-full"
    if settings.sslmode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _lowered(value: Any) -> Any:
    """SQLite's own `lower` knows the letters of English alone."""
    return value.lower() if isinstance(value, str) else value


def _joined(*values: Any) -> Any:
    between, *parts = values
    return str(between).join(str(part) for part in parts if part is not None)


_ENGINES: Final[Mapping[str, Callable[[CrmSettings, float], AsyncEngine]]] = {
    "postgresql": _postgres,
    "mysql": _mysql,
    "sqlite": _sqlite,
}


# ── Values ───────────────────────────────────────────────────────────────────────────────────────


def _bound_sqlite(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps([_bound_sqlite(one) for one in value])
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float | bytes) else str(value)


def _bound_mysql(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as they are, and once more as texts under another name; an empty one has nothing in common."""
    found = {name: value or [None] if isinstance(value, list) else value for name, value in values.items()}
    texts = {
        f"{name}_text": list(map(_text, value)) for name, value in found.items() if isinstance(value, list)
    }
    return found | texts


def _text(value: Any) -> str | None:
    return None if value is None else str(int(value) if isinstance(value, bool) else value)
