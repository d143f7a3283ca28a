"""The appliance's database: one engine a process, one transaction a request."""

import asyncio
import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import psycopg
from fastapi import Depends, Request
from sqlalchemy import URL, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from .errors import UNWRITABLE, BadInput, PartUnavailable
from .settings import ExistingFile, Settings, read_secret

SCHEMAS: Final = ("gateway", "retrieval", "approvals", "assistant", "jobs")
SEARCH_PATH: Final = "-c search_path=jobs,public"  # procrastinate's functions name their tables bare
_FULL: Final = frozenset({"53100", "53200"})  # no room on the disk, no memory
_USED: Final = "used"
_IDLE_S: Final = 1.0
_ENDING: Final = frozenset({"57P01", "57P02", "57P03"})  # shut down, crashed, starting


NO_ROOM: Final = "The database has no room to write. Nothing was stored; tell the administrator."


class DatabaseSettings(Settings):
    """How this process reaches PostgreSQL: with a login role of its own."""

    host: str = "127.0.0.1"
    port: int = 5432
    name: str = "cloister"
    user: str
    password_file: ExistingFile
    pool_size: int = 10
    statement_timeout_s: int = 30

    def url(self) -> URL:
        """The SQLAlchemy address."""
        return URL.create(
            "postgresql+psycopg", self.user, read_secret(self.password_file), self.host, self.port, self.name
        )

    def conninfo(self) -> str:
        """The libpq address, for psycopg used directly."""
        return self.url().set(drivername="postgresql").render_as_string(hide_password=False)


class Database:
    """Sessions on the appliance's database.

    Beyond `pool_size`, `overflow` connections are made and closed again (as many again by default): a process
    that never holds two sessions at once is quicker without them.
    """

    def __init__(self, settings: DatabaseSettings, *, overflow: int | None = None) -> None:
        self._settings = settings
        self.engine: AsyncEngine = create_async_engine(
            settings.url(),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size if overflow is None else overflow,
            hide_parameters=True,  # an error that is logged must not quote what was to be stored
            connect_args={
                "connect_timeout": 5,
                "application_name": settings.user,
                "options": f"-c statement_timeout={settings.statement_timeout_s * 1000} {SEARCH_PATH}",
            },
        )
        _ping_idle(self.engine.sync_engine)

    @property
    def conninfo(self) -> str:
        """The libpq address, for LISTEN."""
        return self._settings.conninfo()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends well, rolled back otherwise.

        Raises `PartUnavailable` when PostgreSQL cannot be reached, `BadInput` for text it cannot hold.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            try:
                async with session.begin():
                    yield session
            except UnicodeEncodeError as error:
                raise BadInput(UNWRITABLE) from error
            except DBAPIError as error:
                if isinstance(error, DataError) and getattr(error.orig, "sqlstate", None) is None:
                    raise BadInput(UNWRITABLE) from error  # refused by the driver: it holds a NUL character
                if getattr(error.orig, "sqlstate", None) in _FULL:
                    raise PartUnavailable("database", NO_ROOM) from error
                if error.connection_invalidated or _is_connection_loss(error):
                    raise PartUnavailable("database", "The database cannot be reached.") from error
                raise

    async def ping(self) -> None:
        """Raise `PartUnavailable` when PostgreSQL does not answer."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise PartUnavailable("database", "The database cannot be reached.") from error

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


def _ping_idle(engine: Engine) -> None:
    """A connection that was idle for a second, or has something to say, is asked whether it lives.

    A lost one is replaced. `pool_pre_ping` asks each time, which is a good part of a small transaction.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        used = entry.info.get(_USED)
        if used is None or (time.monotonic() - used < _IDLE_S and not _has_news(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


def _has_news(connection: Any) -> bool:
    """Whether the server said something unasked, which it does when it ends a connection."""
    try:
        asked = select.poll()
        asked.register(connection.driver_connection.fileno(), select.POLLIN)
        return bool(asked.poll(0))
    except psycopg.Error:
        return True


def _is_connection_loss(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return "connection" in str(error.orig).lower()
    return str(state).startswith("08") or state in _ENDING


async def _unit_of_work(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.state.database
    async with database.transaction() as session:
        yield session


UnitOfWork = Annotated[AsyncSession, Depends(_unit_of_work, scope="function")]
"""The request's transaction, committed before the answer is sent. The app's state has `database`."""


@asynccontextmanager
async def listening(conninfo: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection of its own that commits at once, for LISTEN; who leaves while it opens leaves none open.

    Raises `psycopg.OperationalError`.
    """
    opening = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(conninfo, autocommit=True, connect_timeout=5)
    )
    try:
        connection = await asyncio.shield(opening)
    except asyncio.CancelledError:
        for opened in await asyncio.gather(opening, return_exceptions=True):
            if isinstance(opened, psycopg.AsyncConnection):
                await opened.close()
        raise
    async with connection:
        yield connection
