"""Reading a slot in the background: transactions wait here until somebody takes them."""

import asyncio
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from gateway import log
from retrieval.crm import CrmError, CrmUnavailable

from .pgoutput import Garbled, Parser
from .transactions import Assembler, Routes, Touched, Transaction
from .wire import Change, Keepalive, ReplicationConnection

_STATUS_S: Final = 5.0
_SILENT_S: Final = 30.0
_HELD: Final = 200_000  # keys that wait; then the CRM has to


class Stream:
    """A started slot. It answers for us while rows are written, so that the CRM does not hang up."""

    def __init__(self, wire: ReplicationConnection, routes: Routes, confirmed: int) -> None:
        self._wire = wire
        self._parser = Parser()
        self._assembler = Assembler(routes)
        self._waiting: deque[Transaction] = deque()
        self._held = 0
        self._end = confirmed
        self._confirmed = confirmed
        self._received = confirmed
        self._heard = self._told = time.monotonic()
        self._skew = 0.0
        self._failure: Exception | None = None
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._status_wanted = False
        self._task = asyncio.create_task(self._read(), name="crm stream")

    @property
    def reached(self) -> int:
        """The position up to which everything was handed out, when nothing waits."""
        return self._end if not self._waiting and self._assembler.between else self._confirmed

    def reroute(self, routes: Routes) -> None:
        """From here on tables are about other kinds."""
        self._assembler.reroute(routes)

    async def wait(self, max_wait: float) -> None:
        """Return when a transaction waits, and after `max_wait` seconds. Raises what ended the stream."""
        if not self._waiting:
            self._arrived.clear()
            self._raise()
            with suppress(TimeoutError):
                async with asyncio.timeout(max_wait):
                    await self._arrived.wait()
        self._raise()

    def peek(self, keys: int) -> list[Transaction]:
        """The transactions that wait, as many as touch about so many keys."""
        found, size = [], 0
        for transaction in self._waiting:
            found.append(transaction)
            size += len(transaction.touched)
            if size >= keys:
                break
        return found

    def take(self, count: int) -> tuple[Touched, int, float]:
        """The first of them together, the position after them, and the oldest one's age in seconds."""
        touched, end, age = Touched(), self._confirmed, 0.0
        for _ in range(count):
            transaction = self._waiting.popleft()
            self._held -= len(transaction.touched)
            touched.merge(transaction.touched)
            end = transaction.end_lsn
            age = max(age, self._age(transaction.at))
        self._room.set()
        return touched, max(end, self.reached), age

    async def confirm(self, position: int) -> None:
        """Tell the CRM that it need keep nothing before this."""
        self._confirmed = max(self._confirmed, position)
        await self._tell(ask=False)

    async def close(self) -> None:
        """Stop reading, and hang up."""
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.5)
        await self._wire.close()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _read(self) -> None:
        try:
            while True:
                await self._step()
        except CrmError as error:
            self._failure = error
        except Garbled as error:
            log.error("stream.garbled", exc_info=error)
            self._failure = CrmUnavailable(f"The stream of the CRM's changes cannot be read: {error}.")
        except Exception as error:  # noqa: BLE001 - the outermost loop of a task: whoever takes is told
            log.error("stream.failed", exc_info=error)
            self._failure = CrmUnavailable("Reading the CRM's changes failed; the log says why.")
        finally:
            self._arrived.set()

    async def _step(self) -> None:
        now = time.monotonic()
        if self._status_wanted or now - self._told > _STATUS_S:
            await self._tell(ask=True)
        if self._held > _HELD:
            self._heard = now
            self._room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STATUS_S):
                    await self._room.wait()
            return
        if now - self._heard > _SILENT_S:
            raise CrmUnavailable("The CRM has been silent for half a minute.")
        message = await self._wire.receive(_STATUS_S)
        if message is None:
            return
        self._heard = time.monotonic()
        self._skew = (message.clock - datetime.now(UTC)).total_seconds()
        if isinstance(message, Keepalive):
            self._alive(message)
        else:
            self._change(message)

    def _change(self, message: Change) -> None:
        transaction = self._assembler.take(self._parser.parse(message.payload))
        if transaction is None:
            return
        self._end = self._received = max(self._end, transaction.end_lsn)
        if len(transaction.touched):
            self._held += len(transaction.touched)
            self._waiting.append(transaction)
            self._arrived.set()

    def _alive(self, message: Keepalive) -> None:
        # Everything committed before this has been told, so it may be confirmed when nothing waits: a quiet
        # CRM whose other databases write must not keep their log for us.
        self._end = self._received = max(self._end, message.wal_end)
        self._status_wanted = message.reply

    async def _tell(self, *, ask: bool) -> None:
        self._told, self._status_wanted = time.monotonic(), False
        await self._wire.send_status(self._received, self._confirmed, ask=ask)

    def _age(self, committed: datetime) -> float:
        return max(0.0, (datetime.now(UTC) - committed).total_seconds() + self._skew)
