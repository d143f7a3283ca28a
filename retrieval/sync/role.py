"""Which process keeps the index up to the CRM: the one that holds a lock in the appliance's database.

The lock belongs to a transaction that is kept open (so it holds behind a transaction pooler too) and ends
with its connection: a process that dies, or loses the database, has lost it, and another may take it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import Database, PartUnavailable, log

_KEY: Final = {"space": 0x436C6F69, "name": 0x696478}
_TAKE: Final = text("SELECT pg_try_advisory_xact_lock(:space, :name)")
_HOLDER: Final = text(
    "SELECT a.pid, a.backend_start, host(a.client_addr) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.classid = :space AND l.objid = :name AND l.granted"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LOOK_S: Final = 2.0
NOT_HELD: Final = (
    "This process has no right to write the index at the moment; it asks for it again and again."
)

SUPERSEDED: Final = (
    "Another process writes the index by now. This one only searches until it is started again."
)


class Writer:
    """Holds the lock, or waits for it; what may only be done with it is done while it is held."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection | None = None
        self._held = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost.set()

        self._was_held = self._superseded = False
        self.missing: str | None = NOT_HELD
        """Why this process may not write, None when it may."""

    @property
    def held(self) -> bool:
        """Whether this process may write."""
        return self._held.is_set()

    async def take(self, patience_s: float, *, or_later: bool = False) -> None:
        """Take the lock before anything is opened that another process may be writing.

        Raises `PartUnavailable`: with a sentence about who has it, or when the database does not answer,
        except that `hold` may see to that `or_later`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        try:
            while not await self._try():
                if loop.time() >= until:
                    raise PartUnavailable("record index", await self._refusal())
                await asyncio.sleep(0.25)
        except PartUnavailable as error:
            if error.part != "database" or not or_later:
                raise

    async def hold(self) -> None:
        """Keep the lock until cancelled; when it is lost, say so and try to get it again.

        When another process got it meanwhile, this one writes no more: what it has open may be of yesterday.
        """
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                try:
                    if self.held:
                        await self._look()
                    elif not self._superseded and not await self._try():
                        self._superseded = self._was_held
                        self.missing = SUPERSEDED if self._superseded else await self._refusal()
                except PartUnavailable as error:
                    self.missing = error.sentence
                except Exception as error:  # noqa: BLE001 - the outermost loop: it must outlive any fault
                    log.error("writer.failed", exc_info=error)
                    await self.release()
        finally:
            await self.release()

    async def while_held(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Do `work` while the lock is held: it is cancelled when the lock is lost, and begun anew with it."""
        while True:
            await self._held.wait()
            async with AsyncExitStack() as stack:
                doing = asyncio.create_task(work())
                lost = asyncio.create_task(self._lost.wait())
                stack.push_async_callback(_end, doing, lost)
                await asyncio.wait({doing, lost}, return_when=asyncio.FIRST_COMPLETED)
                if doing.done():
                    doing.result()
                    return

    async def release(self) -> None:
        """Give the lock back."""
        self._held.clear()
        self._lost.set()
        self.missing = NOT_HELD
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close()
            except (SQLAlchemyError, OSError) as error:  # it was lost: so is the lock
                log.info("writer.closed", kind=type(error).__name__)

    async def _try(self) -> bool:
        if self._connection is not None:
            return True
        connection: AsyncConnection | None = None
        try:
            connection = await self._database.engine.connect()
            if not (await connection.execute(_TAKE, _KEY)).scalar():
                await connection.close()
                return False
        except (SQLAlchemyError, OSError) as error:
            if connection is not None:
                await connection.invalidate()
                await connection.close()
            raise PartUnavailable("database", "The database cannot be reached.") from error
        self._connection = connection
        self._lost.clear()
        self._held.set()
        self._was_held, self.missing = True, None
        log.info("writer.held")
        return True

    async def _look(self) -> None:
        """Whether the connection, and with it the lock, is still there."""
        assert self._connection  # noqa: S101 - it is held
        try:
            async with asyncio.timeout(2 * _LOOK_S):
                await self._connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.error("writer.lost", kind=type(error).__name__)
            await self.release()

    async def _refusal(self) -> str:
        who = ""
        try:
            async with self._database.engine.connect() as connection:
                if row := (await connection.execute(_HOLDER, _KEY)).first():
                    place = f" from {row[2]}" if row[2] else ""
                    who = f" (since {row[1]:%Y-%m-%d %H:%M}{place})"
        except (SQLAlchemyError, OSError) as error:
            log.info("writer.unknown", kind=type(error).__name__)
        return (
            f"Another retrieval process{who} keeps this index up to the CRM, and two would undo each other's "
            "work. Stop one of them, or give this one `role: searcher`."
        )


async def _end(*tasks: asyncio.Task[object]) -> None:
    """Cancel, and wait for the end."""
    for task in tasks:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)
