"""Reading from the CRM within a time limit that holds even where the CRM's server hangs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from retrieval.crm import CrmTimedOut, CrmUnavailable
from retrieval.crm.engines import bound, open_engine, sql_translated
from retrieval.settings import CrmSettings

T = TypeVar("T")

_GRACE_S: Final = 1.0


class Reader:
    """Connections to the CRM. Every method raises `CrmUnavailable`, `CrmRefused`."""

    def __init__(self, settings: CrmSettings, timeout_s: float) -> None:
        self._engine = open_engine(settings, timeout_s)
        self._timeout_s = timeout_s
        self._left: set[asyncio.Task[Any]] = set()

    @property
    def dialect(self) -> sa.Dialect:
        return self._engine.dialect

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()

    async def all(self, statement: sa.Executable, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row of a statement's result."""

        async def fetch(connection: AsyncConnection) -> list[dict[str, Any]]:
            result = await connection.execute(statement, bound(self.dialect, values))
            names = tuple(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result.all()]

        return await self.read(fetch)

    async def read(self, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """What `read` reads on a connection; it is called a second time where the first was cut off."""
        try:
            return await self._read_once(read)
        except CrmTimedOut:
            raise
        except CrmUnavailable:
            # The CRM was restarted and its connections do not know; they do now. Reading again does no harm.
            return await self._read_once(read)

    async def _read_once(self, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        reading = asyncio.create_task(self._on_connection(read))
        try:
            # the server keeps the limit itself; one that hangs does not, nor does it hear a cancellation,
            # so the reading is left to end by itself
            done, _ = await asyncio.wait({reading}, timeout=self._timeout_s + _GRACE_S)
        finally:
            reading.cancel()
        if not done:
            self._left.add(reading)
            reading.add_done_callback(self._forget)
            raise CrmTimedOut("The CRM database does not answer in time.")
        return reading.result()

    async def _on_connection(self, read: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        with sql_translated():
            async with self._engine.connect() as connection:
                return await read(connection)

    def _forget(self, reading: asyncio.Task[Any]) -> None:
        self._left.discard(reading)
        if not reading.cancelled():
            reading.exception()  # what became of it is of no interest any more
